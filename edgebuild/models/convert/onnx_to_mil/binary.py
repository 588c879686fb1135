"""Operators of two or many operands, element by element."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from onnx import TensorProto

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, mb, types

UNSIGNED = (TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64, TensorProto.BOOL)


def same_types(ctx: Context) -> tuple[Any, Any]:
    """Two operands, both in float where one is; before opset 7 the second's axes begin at `axis` of the first."""
    x, y = ctx.i(0), ctx.i(1)
    if ctx.a("broadcast", 0) and 0 < y.rank < x.rank - ctx.axis("axis", x.rank - y.rank, x.rank):
        first = ctx.axis("axis", 0, x.rank)
        y = mb.expand_dims(x=y, axes=list(range(y.rank, x.rank - first)))
    if (x.dtype in FLOAT) != (y.dtype in FLOAT):
        x, y = ctx.to_float(x), ctx.to_float(y)
    return x, y


def binary(name: str) -> Handler:
    """An operator of MIL with the same meaning on floats and integers."""

    def handler(ctx: Context) -> Any:
        x, y = same_types(ctx)
        return ctx.narrow(getattr(mb, name)(x=x, y=y), ctx.kind(0))

    return handler


def comparison(name: str) -> Handler:
    """A comparison; bool is compared as integers."""

    def handler(ctx: Context) -> Any:
        x, y = same_types(ctx)
        if x.dtype == types.bool:
            if name == "equal":
                return mb.logical_not(x=mb.logical_xor(x=x, y=y))
            x, y = (mb.cast(x=item, dtype="int32") for item in (x, y))
        return getattr(mb, name)(x=x, y=y)

    return handler


def divide(ctx: Context) -> Any:
    """Div; of integers towards zero, where MIL's `floor_div` goes down."""
    x, y = same_types(ctx)
    if x.dtype in FLOAT:
        return mb.real_div(x=x, y=y)
    if ctx.kind(0) in UNSIGNED:
        return mb.floor_div(x=x, y=y)
    quotient = mb.floor_div(x=mb.abs(x=x), y=mb.abs(x=y))
    return mb.mul(x=quotient, y=mb.mul(x=mb.sign(x=x), y=mb.sign(x=y)))


def modulo(ctx: Context) -> Any:
    """Mod: of the divisor's sign, or with `fmod` of the dividend's."""
    x, y = same_types(ctx)
    if not ctx.a("fmod", 0):
        return mb.mod(x=x, y=y)
    return mb.mul(x=mb.sign(x=x), y=mb.mod(x=mb.abs(x=x), y=mb.abs(x=y)))


def power(ctx: Context) -> Any:
    """Pow; integers by way of float, exact below 2^24."""
    x, y = ctx.i(0), ctx.i(1)
    exponent = ctx.constant(1)
    if (
        x.dtype in FLOAT
        and exponent is not None
        and exponent.size == 1
        and float(exponent.item()) == 2
        and exponent.ndim <= x.rank
    ):
        return mb.square(x=x)
    result = mb.pow(x=ctx.to_float(x), y=ctx.to_float(y))
    if x.dtype in FLOAT:
        return result
    # Into an integer type a fraction is cut off, not rounded.
    ctx.exact(result)
    nearest = mb.round(x=result)
    close = mb.less(x=mb.abs(x=mb.sub(x=result, y=nearest)), y=np.float32(1e-3))
    ctx.exact(nearest, close)
    return ctx.narrow(mb.cast(x=mb.select(cond=close, a=nearest, b=result), dtype="int32"), ctx.kind(0))


def logical(name: str) -> Handler:
    """And, Or, Xor."""
    return lambda ctx: getattr(mb, name)(x=ctx.i(0), y=ctx.i(1))


def variadic(name: str) -> Handler:
    """Max, Min, Sum over any number of operands."""

    def handler(ctx: Context) -> Any:
        operands = [ctx.i(k) for k in range(len(ctx.node.input))]
        total = reduce(lambda a, b: getattr(mb, name)(x=a, y=b), operands)
        return ctx.narrow(total, ctx.kind(0)) if len(operands) > 1 else mb.identity(x=total)

    return handler


def mean(ctx: Context) -> Any:
    """Mean over any number of operands."""
    operands = [ctx.f(k) for k in range(len(ctx.node.input))]
    total = reduce(lambda a, b: mb.add(x=a, y=b), operands)
    return mb.mul(x=total, y=np.float32(1 / len(operands)))


def bit_shift(ctx: Context) -> Any:
    """BitShift by multiplication and division with powers of two.

    Raises:
        Refused: uint32 and uint64 to the left, where bits beyond Core ML's int32 would count.
    """
    x, count = ctx.i(0), ctx.i(1)
    right, wide = ctx.a("direction") == "RIGHT", ctx.kind(0) in (TensorProto.UINT32, TensorProto.UINT64)
    if wide and not right:
        raise ctx.refuse("shifts bits of uint32 or uint64 to the left, beyond Core ML's int32")
    raised = mb.pow(x=np.float32(2), y=ctx.to_float(mb.minimum(x=count, y=np.int32(30))))
    ctx.exact(raised)
    factor = mb.cast(x=raised, dtype="int32")
    if not right:
        return ctx.narrow(mb.mul(x=x, y=factor), ctx.kind(0))
    shifted = mb.floor_div(x=x, y=factor)
    return mb.select(cond=mb.greater(x=count, y=np.int32(30)), a=mb.mul(x=shifted, y=np.int32(0)), b=shifted)


HANDLERS: dict[str, Handler] = {
    "Add": binary("add"),
    "Sub": binary("sub"),
    "Mul": binary("mul"),
    "Div": divide,
    "Mod": modulo,
    "Pow": power,
    "Equal": comparison("equal"),
    "Less": comparison("less"),
    "LessOrEqual": comparison("less_equal"),
    "Greater": comparison("greater"),
    "GreaterOrEqual": comparison("greater_equal"),
    "And": logical("logical_and"),
    "Or": logical("logical_or"),
    "Xor": logical("logical_xor"),
    "Max": variadic("maximum"),
    "Min": variadic("minimum"),
    "Sum": variadic("add"),
    "Mean": mean,
    "BitShift": bit_shift,
}  # fmt: skip
