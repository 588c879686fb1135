"""Activation functions and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, is_symbolic, mb
from edgebuild.models.convert.onnx_to_mil.values import FLOAT32_MAX, INT32

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875


def leaky_relu(ctx: Context) -> Any:
    """X, or alpha · x below zero."""
    return mb.leaky_relu(x=ctx.f(0), alpha=np.float32(ctx.a("alpha", 0.01)))


def elu(ctx: Context) -> Any:
    """X, or alpha · (e^x − 1) below zero."""
    return mb.elu(x=ctx.f(0), alpha=np.float32(ctx.a("alpha", 1.0)))


def selu(ctx: Context) -> Any:
    """Gamma · elu(x, alpha)."""
    alpha, gamma = ctx.a("alpha", SELU_ALPHA), ctx.a("gamma", SELU_GAMMA)
    return mb.mul(x=mb.elu(x=ctx.f(0), alpha=np.float32(alpha)), y=np.float32(gamma))


def celu(ctx: Context) -> Any:
    """max(0, x) + min(0, alpha · (e^(x / alpha) − 1))."""
    alpha = np.float32(ctx.a("alpha", 1.0))
    scaled = mb.real_div(x=ctx.f(0), y=alpha)
    return mb.mul(x=mb.elu(x=scaled, alpha=np.float32(1)), y=alpha)


def thresholded_relu(ctx: Context) -> Any:
    """X above alpha, else 0."""
    x = ctx.f(0)
    above = mb.greater(x=x, y=np.float32(ctx.a("alpha", 1.0)))
    return mb.select(cond=above, a=x, b=np.float32(0))


def hard_sigmoid(ctx: Context) -> Any:
    """max(0, min(1, alpha · x + beta)); ONNX's defaults are 0.2 and 0.5."""
    return mb.sigmoid_hard(x=ctx.f(0), alpha=np.float32(ctx.a("alpha", 0.2)), beta=np.float32(ctx.a("beta", 0.5)))


def hard_swish(ctx: Context) -> Any:
    """X · hard_sigmoid(x) with 1/6 and 1/2."""
    x = ctx.f(0)
    return mb.mul(x=x, y=mb.sigmoid_hard(x=x, alpha=np.float32(1 / 6), beta=np.float32(0.5)))


def gelu(ctx: Context) -> Any:
    """Gelu by erf, or by tanh where the attribute says so."""
    return gelu_of(ctx.f(0), ctx.a("approximate", "none") == "tanh")


def gelu_of(x: Any, tanh: bool) -> Any:
    """X · Φ(x), or its approximation."""
    return mb.gelu(x=x, mode="TANH_APPROXIMATION" if tanh else "EXACT")


def bias_gelu(tanh: bool) -> Handler:
    """Gelu of a sum, or of one input where the bias is left out (BiasGelu, FastGelu)."""

    def handler(ctx: Context) -> Any:
        x = mb.add(x=ctx.f(0), y=ctx.f(1)) if ctx.has(1) else ctx.f(0)
        return gelu_of(x, tanh)

    return handler


def swish(default: float) -> Handler:
    """X · sigmoid(alpha · x)."""

    def handler(ctx: Context) -> Any:
        x, alpha = ctx.f(0), float(ctx.a("alpha", default))
        scaled = x if alpha == 1 else mb.mul(x=x, y=np.float32(alpha))
        return mb.mul(x=x, y=mb.sigmoid(x=scaled))

    return handler


def mish(ctx: Context) -> Any:
    """X · tanh(softplus(x))."""
    x = ctx.f(0)
    return mb.mul(x=x, y=mb.tanh(x=mb.softplus(x=x)))


def shrink(ctx: Context) -> Any:
    """Towards zero by `bias` outside ±lambd, else 0."""
    source = ctx.i(0)
    x, bias, edge = ctx.to_float(source), np.float32(ctx.a("bias", 0.0)), np.float32(ctx.a("lambd", 0.5))
    below = mb.select(cond=mb.less(x=x, y=-edge), a=mb.add(x=x, y=bias), b=np.float32(0))
    return ctx.like(mb.select(cond=mb.greater(x=x, y=edge), a=mb.sub(x=x, y=bias), b=below), source)


def prelu(ctx: Context) -> Any:
    """X, or slope · x below zero; the slope broadcasts."""
    source = ctx.i(0)
    x = ctx.to_float(source)
    slope = ctx.constant(1)
    channels = slope is not None and x.rank in (3, 4, 5) and slope.size == x.shape[1] and slope.ndim == x.rank - 1
    if channels and slope is not None and slope.shape[0] == slope.size:
        return mb.prelu(x=x, alpha=slope.ravel().astype(np.float32))
    zero, factor = np.float32(0), ctx.f(1)
    if slope is not None and slope.ndim == 1 and x.rank > 2 and slope.size == x.shape[1] != x.shape[-1]:
        # One for each channel, as exporters wrote it before PRelu broadcast.
        factor = slope.reshape([1, -1, *[1] * (x.rank - 2)]).astype(np.float32)
    bent = mb.mul(x=mb.minimum(x=x, y=zero), y=factor)
    return ctx.like(mb.add(x=mb.maximum(x=x, y=zero), y=bent), source)


def clip(ctx: Context) -> Any:
    """Clip; a bound that bounds nothing is left out, for it would be infinite in float16."""
    x = ctx.i(0)
    floating = x.dtype in FLOAT
    for k, name, bounded in ((1, "min", mb.maximum), (2, "max", mb.minimum)):
        given = ctx.constant(k) if ctx.has(k) else ctx.a(name)
        if given is None and not ctx.has(k):
            continue
        if given is None:
            x = bounded(x=x, y=ctx.i(k))
        elif floating and abs(float(np.asarray(given).item())) < FLOAT32_MAX:
            x = bounded(x=x, y=np.float32(np.asarray(given).item()))
        elif not floating and INT32.min < int(np.asarray(given).item()) < INT32.max:
            x = bounded(x=x, y=np.int32(np.asarray(given).item()))
    return mb.identity(x=x) if x is ctx.i(0) else x


def by_axis(write: Callable[[Any, int], Any]) -> Handler:
    """Softmax and its kin: along one axis from opset 13 on, before over all axes from `axis` on at once."""

    def handler(ctx: Context) -> Any:
        x = ctx.f(0)
        if ctx.opset >= 13:
            return write(x, ctx.axis("axis", -1, x.rank))
        axis = ctx.axis("axis", 1, x.rank)
        if axis == x.rank - 1:
            return write(x, axis)
        if any(is_symbolic(size) for size in x.shape[1:]):
            raise ctx.refuse("normalises over several axes, some of them open", "Fix the axes (`shapes`).")
        rows = -1 if axis else 1
        flat = mb.reshape(x=x, shape=[rows, math.prod(x.shape[axis:])] if axis else [1, math.prod(x.shape)])
        shape = [-1 if is_symbolic(size) else int(size) for size in x.shape]
        return mb.reshape(x=write(flat, 1), shape=shape)

    return handler


def softmax(x: Any, axis: int) -> Any:
    """MIL's own."""
    return mb.softmax(x=x, axis=axis)


def log_softmax(x: Any, axis: int) -> Any:
    """X − max − ln Σ e^(x − max), which does not lose small probabilities."""
    shifted = mb.sub(x=x, y=mb.reduce_max(x=x, axes=[axis], keep_dims=True))
    total = mb.reduce_sum(x=mb.exp(x=shifted), axes=[axis], keep_dims=True)
    return mb.sub(x=shifted, y=mb.log(x=total, epsilon=np.float32(0)))


def hardmax(x: Any, axis: int) -> Any:
    """1 at the first largest element."""
    first = mb.reduce_argmax(x=x, axis=axis, keep_dims=False)
    return mb.one_hot(
        indices=first,
        one_hot_vector_size=np.int32(x.shape[axis]),
        axis=axis,
        on_value=np.float32(1),
        off_value=np.float32(0),
    )


HANDLERS: dict[str, Handler] = {
    "Sigmoid": lambda ctx: mb.sigmoid(x=ctx.f(0)),
    "Softplus": lambda ctx: mb.softplus(x=ctx.f(0)),
    "Softsign": lambda ctx: mb.softsign(x=ctx.f(0)),
    "LeakyRelu": leaky_relu, "Elu": elu, "Selu": selu, "Celu": celu, "ThresholdedRelu": thresholded_relu,
    "HardSigmoid": hard_sigmoid, "HardSwish": hard_swish, "Gelu": gelu, "Mish": mish, "Shrink": shrink, "PRelu": prelu,
    "Swish": swish(1.0), "Clip": clip,
    "Softmax": by_axis(softmax), "LogSoftmax": by_axis(log_softmax), "Hardmax": by_axis(hardmax),
    "com.microsoft.Gelu": bias_gelu(False), "com.microsoft.BiasGelu": bias_gelu(False),
    "com.microsoft.FastGelu": bias_gelu(True), "com.microsoft.QuickGelu": swish(1.702),
}  # fmt: skip
