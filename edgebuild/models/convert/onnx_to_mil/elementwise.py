"""Operators of one operand, element by element."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import mb, types

ONE = np.float32(1)


def unary(name: str, **options: Any) -> Handler:
    """An operator of MIL with the same meaning on floats."""

    def handler(ctx: Context) -> Any:
        x = ctx.i(0)
        return ctx.like(getattr(mb, name)(x=ctx.to_float(x), **options), x)

    return handler


def with_integers(name: str) -> Handler:
    """The same where MIL takes integers too; the result wraps as ONNX's type does."""
    return lambda ctx: ctx.narrow(getattr(mb, name)(x=ctx.i(0)), ctx.kind(0))


def formula(write: Callable[[Any], Any]) -> Handler:
    """Several operators of MIL on floats."""
    return lambda ctx: write(ctx.f(0))


def negative(ctx: Context) -> Any:
    """Neg, integers too."""
    x = ctx.i(0)
    return ctx.narrow(mb.mul(x=x, y=minus_one(x)), ctx.kind(0))


def minus_one(x: Any) -> Any:
    """-1 of the type of `x`."""
    return np.int32(-1) if x.dtype == types.int32 else np.float32(-1)


def rectified(ctx: Context) -> Any:
    """Relu, integers too."""
    x = ctx.i(0)
    return mb.maximum(x=x, y=np.int32(0)) if x.dtype == types.int32 else mb.relu(x=x)


def reciprocal(ctx: Context) -> Any:
    """1 / x; `mb.inverse` would add an epsilon."""
    return mb.real_div(x=ONE, y=ctx.f(0))


def asinh(x: Any) -> Any:
    """sign(x) · ln(|x| + √(x² + 1))."""
    magnitude = mb.abs(x=x)
    root = mb.sqrt(x=mb.add(x=mb.square(x=x), y=ONE))
    return mb.mul(x=mb.sign(x=x), y=mb.log(x=mb.add(x=magnitude, y=root), epsilon=np.float32(0)))


def acosh(x: Any) -> Any:
    """ln(x + √(x² − 1))."""
    root = mb.sqrt(x=mb.sub(x=mb.square(x=x), y=ONE))
    return mb.log(x=mb.add(x=x, y=root), epsilon=np.float32(0))


def is_nan(x: Any) -> Any:
    """A NaN is the one number that differs from itself."""
    return mb.not_equal(x=x, y=x)


def is_inf(ctx: Context) -> Any:
    """Of one sign or both."""
    x = ctx.f(0)
    limits = [np.float32(np.inf)] * ctx.a("detect_positive", 1) + [np.float32(-np.inf)] * ctx.a("detect_negative", 1)
    if not limits:
        return mb.logical_and(x=is_nan(x), y=mb.logical_not(x=is_nan(x)))
    return reduce(lambda a, b: mb.logical_or(x=a, y=b), [mb.equal(x=x, y=limit) for limit in limits])


def no_epsilon(name: str) -> Handler:
    """Logarithm and the like without what MIL adds for stability."""
    return unary(name, epsilon=np.float32(0))


HANDLERS: dict[str, Handler] = {
    "Identity": lambda ctx: ctx.value(0),
    "Abs": with_integers("abs"),
    "Sign": with_integers("sign"),
    "Neg": negative,
    "Relu": rectified,
    "Acos": unary("acos"),
    "Asin": unary("asin"),
    "Atan": unary("atan"),
    "Atanh": unary("atanh"),
    "Ceil": unary("ceil"),
    "Floor": unary("floor"),
    "Round": unary("round"),
    "Cos": unary("cos"),
    "Cosh": unary("cosh"),
    "Sin": unary("sin"),
    "Sinh": unary("sinh"),
    "Tan": unary("tan"),
    "Tanh": unary("tanh"),
    "Erf": unary("erf"),
    "Exp": unary("exp"),
    "Log": no_epsilon("log"),
    "Sqrt": unary("sqrt"),
    "Reciprocal": reciprocal,
    "Asinh": formula(asinh),
    "Acosh": formula(acosh),
    "IsNaN": formula(is_nan),
    "IsInf": is_inf,
    "Not": lambda ctx: mb.logical_not(x=ctx.i(0)),
}  # fmt: skip
