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
    return {"scale": scale.ravel(), "zero_point": None if zero is None else zero.ravel(), "axis": int(ctx.a("axis", 1)) % rank}


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


def centred(ctx: Context, k: int, zero: int, axis: int) -> Any:
    """An integer operand less its zero point, in float; a constant keeps its integers."""
    given = ctx.value(k)
    shift = ctx.constant(zero) if ctx.has(zero) else None
    if isinstance(given, np.ndarray) and given.dtype in (np.int8, np.uint8) and (shift is not None or not ctx.has(zero)):
        point = np.zeros(1, given.dtype) if shift is None else shift
        part = sided(point, axis, given.ndim)
        return ctx.emit(Packed(given, np.ones(part.shape, np.float32), part.astype(given.dtype)))
    x = ctx.f(k)
    if not ctx.has(zero):
        return x
    if shift is not None:
        result = mb.sub(x=x, y=sided(shift, axis, x.rank).astype(np.float32))
    else:
        point = ctx.f(zero)
        shape = [-1 if at == axis % x.rank else 1 for at in range(x.rank)] if point.rank == 1 and int(point.shape[0]) != 1 else None
        result = mb.sub(x=x, y=mb.reshape(x=point, shape=shape) if shape else point)
    ctx.exact(result)
    return result


def matmul_integer(ctx: Context) -> Any:
    """MatMulInteger by way of float, exact below 2^24."""
    result = mb.matmul(x=centred(ctx, 0, 2, -2), y=centred(ctx, 1, 3, -1))
    ctx.exact(result)
    return mb.cast(x=result, dtype="int32")


def conv_integer(ctx: Context) -> Any:
    """ConvInteger by way of float, exact below 2^24."""
    from edgebuild.models.convert.onnx_to_mil.conv import convolved

    result = convolved(ctx, centred(ctx, 0, 2, 1), centred(ctx, 1, 3, 0), None)
    ctx.exact(result)
    return mb.cast(x=result, dtype="int32")


def scaled(ctx: Context, k: int, scale: int, zero: int, axis: int = 1) -> Any:
    """A quantized operand in float."""
    x = centred(ctx, k, zero, axis)
    factor = ctx.constant(scale)
    if factor is not None and factor.size > 1:
        return mb.mul(x=x, y=sided(factor, axis, x.rank).astype(np.float32))
    return mb.mul(x=x, y=np.float32(factor.item()) if factor is not None else ctx.f(scale))


def requantized(ctx: Context, result: Any, scale: int, zero: int) -> Any:
    """A float result in the integers of the output."""
    divided = mb.real_div(x=result, y=ctx.f(scale) if ctx.constant(scale) is None else np.float32(ctx.c(scale).item()))
    return rounded(ctx, divided, ctx.f(zero) if ctx.has(zero) else None, ctx.kind(zero) or TensorProto.UINT8)


def qlinear_matmul(ctx: Context) -> Any:
    """QLinearMatMul."""
    left, right = scaled(ctx, 0, 1, 2, -2), scaled(ctx, 3, 4, 5, -1)
    return requantized(ctx, mb.matmul(x=left, y=right), 6, 7)


def qlinear_conv(ctx: Context) -> Any:
    """QLinearConv; its bias is an int32 of scale x · w."""
    from edgebuild.models.convert.onnx_to_mil.conv import convolved

    bias = None
    if ctx.has(8):
        factor = ctx.c(1).astype(np.float64) * ctx.c(4).astype(np.float64)
        bias = mb.const(val=(ctx.c(8) * factor).astype(np.float32).ravel())
    result = convolved(ctx, scaled(ctx, 0, 1, 2), scaled(ctx, 3, 4, 5, 0), bias)
    return requantized(ctx, result, 6, 7)


def qlinear_pair(name: str) -> Handler:
    """com.microsoft.QLinearAdd and QLinearMul."""

    def handler(ctx: Context) -> Any:
        result = getattr(mb, name)(x=scaled(ctx, 0, 1, 2), y=scaled(ctx, 3, 4, 5))
        return requantized(ctx, result, 6, 7)

    return handler


def qlinear_one(name: str) -> Handler:
    """com.microsoft.QLinearSigmoid, QLinearLeakyRelu and QLinearGlobalAveragePool."""

    def handler(ctx: Context) -> Any:
        x = scaled(ctx, 0, 1, 2)
        if name == "leaky_relu":
            result = mb.leaky_relu(x=x, alpha=np.float32(ctx.a("alpha", 0.01)))
        elif name == "pool":
            if ctx.a("channels_last", 0):
                raise ctx.refuse("pools with channels last")
            result = mb.reduce_mean(x=x, axes=list(range(2, x.rank)), keep_dims=True)
        else:
            result = mb.sigmoid(x=x)
        return requantized(ctx, result, 3, 4)

    return handler


def matmul_nbits(ctx: Context) -> Any:
    """com.microsoft.MatMulNBits: a weight in blocks of 4 or 8 bits, kept so from iOS 18 on."""
    bits, block, k, n = (int(ctx.a(name)) for name in ("bits", "block_size", "K", "N"))
    if bits not in (4, 8) or ctx.has(4):
        raise ctx.refuse(f"holds a weight in {bits} bits" + (" and another order of its columns" if ctx.has(4) else ""))
    blocks = -(-k // block)
    data = unpacked(ctx.c(1).reshape(n, -1), bits)[:, : blocks * block]
    scale = ctx.c(2).astype(np.float32).reshape(n, blocks)
    if ctx.has(3):
        zero = ctx.c(3)
        zero = zero if zero.dtype.kind == "f" else unpacked(zero.reshape(n, -1), bits)[:, :blocks]
    else:
        zero = np.full((n, blocks), 1 << (bits - 1), np.uint8)
    packed = Packed(data, scale, zero, bits)
    even = blocks * block == k and zero.dtype == np.uint8
    weight = ctx.emit(packed if even else packed.floats()[:, :k].copy())
    bias = ctx.constant(5)
    return mb.linear(x=ctx.f(0), weight=weight, bias=None if bias is None else bias.astype(np.float32))


def unpacked(data: Array, bits: int) -> Array:
    """Two numbers of four bits from each byte, the low one first."""
    if bits == 8:
        return data
    return np.stack([data & 15, data >> 4], -1).reshape(data.shape[0], -1)


HANDLERS: dict[str, Handler] = {
    "DequantizeLinear": dequantize, "QuantizeLinear": quantize, "DynamicQuantizeLinear": dynamic_quantize,
    "com.microsoft.DequantizeLinear": dequantize, "com.microsoft.QuantizeLinear": quantize,
    "MatMulInteger": matmul_integer, "ConvInteger": conv_integer, "QLinearMatMul": qlinear_matmul,
    "QLinearConv": qlinear_conv, "com.microsoft.QLinearAdd": qlinear_pair("add"),
    "com.microsoft.QLinearMul": qlinear_pair("mul"), "com.microsoft.QLinearSigmoid": qlinear_one("sigmoid"),
    "com.microsoft.QLinearLeakyRelu": qlinear_one("leaky_relu"),
    "com.microsoft.QLinearGlobalAveragePool": qlinear_one("pool"), "com.microsoft.MatMulNBits": matmul_nbits,
}  # fmt: skip
