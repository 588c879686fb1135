"""Sums and the like over axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, mb, types
from edgebuild.models.convert.onnx_to_mil.shape import axes_of

Write = Callable[[Any, list[int], bool], Any]
"""(x, axes, keep) → reduced."""
NO_EPSILON = np.float32(0)


def reducing(write: Write, before: Callable[[Any], Any] = lambda x: x, whole: bool = False) -> Handler:
    """A reduction over axes by attribute or input, of all axes where none is named.

    Args:
        write: the reduction.
        before: what is done to each element first, also where `noop_with_empty_axes` leaves nothing to reduce.
        whole: MIL reduces integers itself.
    """

    def handler(ctx: Context) -> Any:
        source = ctx.i(0)
        x = source if whole and source.dtype == types.int32 else ctx.to_float(source)
        axes = axes_of(ctx, x.rank)
        if not axes and ctx.a("noop_with_empty_axes", 0):
            return ctx.like(alone(ctx, x), source)
        axes = sorted(set(axes or range(x.rank)))
        if not x.rank:
            return ctx.like(alone(ctx, x), source)
        result = write(before(x), axes, bool(ctx.a("keepdims", 1)))
        return ctx.narrow(ctx.like(result, source), ctx.kind(0))

    return handler


def alone(ctx: Context, x: Any) -> Any:
    """The reduction of each element by itself."""
    name = ctx.node.op_type
    if name in ("ReduceL1", "ReduceL2"):
        return mb.abs(x=x)
    if name == "ReduceSumSquare":
        return mb.square(x=x)
    if name == "ReduceLogSum":
        return mb.log(x=x, epsilon=NO_EPSILON)
    return mb.identity(x=x)


def named(name: str) -> Write:
    """MIL's own reduction."""
    return lambda x, axes, keep: getattr(mb, name)(x=x, axes=axes, keep_dims=keep)


def root_of_squares(x: Any, axes: list[int], keep: bool) -> Any:
    """√ Σ x²."""
    return mb.sqrt(x=mb.reduce_sum(x=mb.square(x=x), axes=axes, keep_dims=keep))


def log_sum(x: Any, axes: list[int], keep: bool) -> Any:
    """Ln Σ x."""
    return mb.log(x=mb.reduce_sum(x=x, axes=axes, keep_dims=keep), epsilon=NO_EPSILON)


def boolean(handler: Handler, name: str) -> Handler:
    """ReduceMax and ReduceMin of bool, as integers."""

    def either(ctx: Context) -> Any:
        x = ctx.i(0)
        if x.dtype != types.bool:
            return handler(ctx)
        axes = sorted(set(axes_of(ctx, x.rank) or range(x.rank)))
        numbers = mb.cast(x=x, dtype="int32")
        return mb.cast(x=getattr(mb, name)(x=numbers, axes=axes, keep_dims=bool(ctx.a("keepdims", 1))), dtype="bool")

    return either


def mean(x: Any, axes: list[int], keep: bool) -> Any:
    """MIL's own; on integers ONNX cuts the fraction off, which `like` would round."""
    return mb.reduce_mean(x=x, axes=axes, keep_dims=keep)


def reduce_mean(ctx: Context) -> Any:
    """ReduceMean; of integers towards zero."""
    x = ctx.i(0)
    if x.dtype in FLOAT:
        return reducing(mean)(ctx)
    result = reducing(mean)
    floats = ctx.to_float(x)
    axes = sorted(set(axes_of(ctx, x.rank) or range(x.rank)))
    average = mb.reduce_mean(x=floats, axes=axes, keep_dims=bool(ctx.a("keepdims", 1)))
    ctx.exact(average)
    return mb.cast(x=average, dtype="int32") if axes else result(ctx)


HANDLERS: dict[str, Handler] = {
    "ReduceSum": reducing(named("reduce_sum"), whole=True),
    "ReduceMean": reduce_mean,
    "ReduceMax": boolean(reducing(named("reduce_max"), whole=True), "reduce_max"),
    "ReduceMin": boolean(reducing(named("reduce_min"), whole=True), "reduce_min"),
    "ReduceProd": reducing(named("reduce_prod"), whole=True),
    "ReduceL1": reducing(named("reduce_sum"), before=lambda x: mb.abs(x=x), whole=True),
    "ReduceL2": reducing(root_of_squares),
    "ReduceSumSquare": reducing(named("reduce_sum"), before=lambda x: mb.mul(x=x, y=x), whole=True),
    "ReduceLogSum": reducing(log_sum),
    "ReduceLogSumExp": reducing(named("reduce_log_sum_exp")),
}
