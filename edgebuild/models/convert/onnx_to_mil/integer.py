"""Products of integers, and ONNX Runtime's operators on quantized tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import mb
from edgebuild.models.convert.onnx_to_mil.quantized import rounded, sided
from edgebuild.models.convert.onnx_to_mil.values import Array, Packed


def centred(ctx: Context, k: int, zero: int, axis: int) -> Any:
    """An integer operand less its zero point, in float; a constant keeps its integers."""
    given = ctx.value(k)
    shift = ctx.constant(zero) if ctx.has(zero) else None
    if (
        isinstance(given, np.ndarray)
        and given.dtype in (np.int8, np.uint8)
        and (shift is not None or not ctx.has(zero))
    ):
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
        shape = (
            [-1 if at == axis % x.rank else 1 for at in range(x.rank)]
            if point.rank == 1 and int(point.shape[0]) != 1
            else None
        )
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
    "MatMulInteger": matmul_integer,
    "ConvInteger": conv_integer,
    "QLinearMatMul": qlinear_matmul,
    "QLinearConv": qlinear_conv,
    "com.microsoft.QLinearAdd": qlinear_pair("add"),
    "com.microsoft.QLinearMul": qlinear_pair("mul"),
    "com.microsoft.QLinearSigmoid": qlinear_one("sigmoid"),
    "com.microsoft.QLinearLeakyRelu": qlinear_one("leaky_relu"),
    "com.microsoft.QLinearGlobalAveragePool": qlinear_one("pool"),
    "com.microsoft.MatMulNBits": matmul_nbits,
}
