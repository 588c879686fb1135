"""Quantized weights, which keep their integers, and quantized activations."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from edgebuild.models.convert.onnx_to_mil.context import INTEGERS, Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import mb, types
from edgebuild.models.convert.onnx_to_mil.values import Array, Packed

RANGES = {**INTEGERS, TensorProto.INT4: (-8, 7), TensorProto.UINT4: (0, 15)}
EIGHT = {TensorProto.INT8: "int8", TensorProto.UINT8: "uint8"}
NEEDS_17 = "Set `minimum_os: iOS17`, or quantize the weights alone."
SMALLEST = 16
"""Elements below which a quantized constant is written in float."""


def sided(part: Array, axis: int, rank: int) -> Array:
    """A scale or zero point with the rank of what it scales: one number, one for each index of an axis, or blocks."""
    if part.size == 1:
        return part.reshape((1,) * rank)
    if part.ndim == rank and rank > 1:
        return part
    return part.reshape([-1 if k == axis % rank else 1 for k in range(rank)])


def bits_of(data: Array) -> int:
    """4 or 8."""
    return 4 if data.dtype.name in ("int4", "uint4") else 8


def whole(data: Array) -> Array:
    """Four-bit integers in bytes."""
    if bits_of(data) == 4:
        return data.astype(np.int8 if data.dtype.name == "int4" else np.uint8)
    return data


def dequantize(ctx: Context) -> Any:
    """DequantizeLinear: a constant stays in its integers; an activation becomes `mb.dequantize`."""
    data = ctx.value(0)
    if isinstance(data, np.ndarray) and ctx.constant(1) is not None:
        return dequantized_constant(ctx, data)
    x, scale = ctx.raw(0), ctx.constant(1)
    zero = ctx.constant(2)
    known = scale is not None and (zero is not None or not ctx.has(2))
    if known and x.dtype in (types.int8, types.uint8):
        scale = np.asarray(scale, np.float32)
        return mb.dequantize(input=x, **parameters(ctx, scale, zero, x.rank))
    rank = x.rank
    return affine(ctx, ctx.to_float(ctx.i(0)), rank)


def affine(ctx: Context, x: Any, rank: int) -> Any:
    """(x − zero point) · scale in float."""
    if ctx.has(2):
        x = mb.sub(x=x, y=number(ctx, 2, rank))
        ctx.exact(x)
    return mb.mul(x=x, y=number(ctx, 1, rank))


def number(ctx: Context, k: int, rank: int) -> Any:
    """A scale or zero point as float, shaped to broadcast."""
    axis = int(ctx.a("axis", 1))
    given = ctx.constant(k)
    if given is not None:
        if given.ndim == rank and ctx.a("block_size", 0):
            given = np.repeat(given, int(ctx.a("block_size")), axis)
        return sided(given, axis, max(rank, 1)).astype(np.float32) if rank else given.reshape(()).astype(np.float32)
    x = ctx.f(k)
    if x.rank == 1 and rank:
        return mb.reshape(x=x, shape=[-1 if at == axis % rank and int(x.shape[0]) != 1 else 1 for at in range(rank)])
    return x


def parameters(ctx: Context, scale: Array, zero: Array | None, rank: int) -> dict[str, Any]:
    """Scale, zero point and axis as `mb.quantize` takes them: scalars without an axis, vectors with one."""
    if scale.size == 1:
        return {"scale": scale.reshape(()), "zero_point": None if zero is None else zero.reshape(())}
    if scale.ndim > 1:
        raise ctx.refuse("quantizes an activation in blocks, which Core ML does not")
    return {
        "scale": scale.ravel(),
        "zero_point": None if zero is None else zero.ravel(),
        "axis": int(ctx.a("axis", 1)) % rank,
    }


def dequantized_constant(ctx: Context, data: Array) -> Any:
    """A `Packed` constant; floats where it is small or wider than eight bits."""
    scale = ctx.c(1).astype(np.float32)
    zero = ctx.c(2) if ctx.has(2) else np.zeros(scale.shape, data.dtype)
    kind = helper.np_dtype_to_tensor_dtype(data.dtype)
    if kind not in (*RANGES, TensorProto.INT32):
        raise ctx.refuse(f"dequantizes {data.dtype.name}, which Core ML does not have")
    if not data.ndim:
        return ((data.astype(np.float32) - zero.astype(np.float32)) * scale).reshape(())
    axis, rank = int(ctx.a("axis", 1)), data.ndim
    held, shift, factor = whole(data), sided(whole(zero), axis, rank), sided(scale, axis, rank)
    packed = Packed(held, factor, shift, bits_of(data))
    if data.size < SMALLEST or kind in (TensorProto.INT32, TensorProto.INT16, TensorProto.UINT16):
        return packed.floats()
    return packed


def quantize(ctx: Context) -> Any:
    """QuantizeLinear: `mb.quantize` to 8 bits from iOS 17 on; other widths in arithmetic.

    Raises:
        Refused: an older system.
    """
    zero, scale = ctx.constant(2), ctx.constant(1)
    kind = ctx.kind(2) if ctx.has(2) else int(ctx.a("output_dtype", 0)) or TensorProto.UINT8
    if kind not in RANGES:
        raise ctx.refuse(f"quantizes to {TensorProto.DataType.Name(kind).lower()}, which Core ML does not have")
    x = ctx.f(0)
    known = scale is not None and (zero is not None or not ctx.has(2))
    if kind in EIGHT and known and scale is not None and x.rank:
        if ctx.os < 17:
            raise ctx.refuse("quantizes an activation, which Core ML does from iOS 17 on", NEEDS_17)
        scale = scale.astype(np.float32)
        return mb.quantize(input=x, output_dtype=EIGHT[kind], **parameters(ctx, scale, zero, x.rank))
    divided = mb.real_div(x=x, y=number(ctx, 1, x.rank))
    return rounded(ctx, divided, number(ctx, 2, x.rank) if ctx.has(2) else None, kind)


def rounded(ctx: Context, x: Any, zero: Any, kind: int) -> Any:
    """round(x) + zero point, within the range of the type; int32 holds it."""
    low, high = RANGES[kind]
    x = mb.round(x=x)
    ctx.exact(x)
    if zero is not None:
        x = mb.add(x=x, y=zero)
        ctx.exact(x)
    held = mb.minimum(x=mb.maximum(x=x, y=np.float32(low)), y=np.float32(high))
    ctx.exact(held)
    return mb.cast(x=held, dtype="int32")


def dynamic_quantize(ctx: Context) -> Any:
    """DynamicQuantizeLinear: uint8 over the range of the tensor, 0 included."""
    x = ctx.f(0)
    axes = list(range(x.rank))
    low = mb.minimum(x=mb.reduce_min(x=x, axes=axes, keep_dims=False), y=np.float32(0))
    high = mb.maximum(x=mb.reduce_max(x=x, axes=axes, keep_dims=False), y=np.float32(0))
    scale = mb.real_div(x=mb.sub(x=high, y=low), y=np.float32(255))
    shift = mb.real_div(x=mb.sub(x=np.float32(0), y=low), y=scale)
    zero = mb.round(x=mb.minimum(x=mb.maximum(x=shift, y=np.float32(0)), y=np.float32(255)))
    ctx.exact(zero)
    whole = mb.cast(x=zero, dtype="int32")
    return [rounded(ctx, mb.real_div(x=x, y=scale), zero, TensorProto.UINT8), scale, whole]


HANDLERS: dict[str, Handler] = {
    "DequantizeLinear": dequantize,
    "QuantizeLinear": quantize,
    "DynamicQuantizeLinear": dynamic_quantize,
    "com.microsoft.DequantizeLinear": dequantize,
    "com.microsoft.QuantizeLinear": quantize,
}  # fmt: skip
