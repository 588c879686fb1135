"""Tensors made larger by repetition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import is_symbolic, mb, types


def expand(ctx: Context) -> Any:
    """Expand to a shape, by broadcasting both ways."""
    x = ctx.i(0)
    wanted = ctx.constant(1)
    if wanted is None:
        return expand_at_run_time(ctx, x)
    return broadcast(ctx, x, [int(item) for item in wanted.ravel()])


def broadcast(ctx: Context, x: Any, wanted: Sequence[int]) -> Any:
    """To a constant shape; an axis of `x` that it has as 1 stays as it is."""
    if len(wanted) > x.rank:
        x = mb.expand_dims(x=x, axes=list(range(len(wanted) - x.rank)))
    full = [1] * (x.rank - len(wanted)) + list(wanted)
    reps = []
    for own, other in zip(x.shape, full, strict=True):
        if is_symbolic(own) and other != 1:
            raise ctx.refuse("broadcasts an open axis to a fixed size", "Fix the axis (`shapes`).")
        reps.append(other if not is_symbolic(own) and own == 1 else 1)
    return mb.tile(x=x, reps=reps) if any(item != 1 for item in reps) else mb.identity(x=x)


def expand_at_run_time(ctx: Context, x: Any) -> Any:
    """To a computed shape: an operation with a tensor of it that changes nothing."""
    wanted = ctx.i(1)
    if x.dtype == types.bool:
        return mb.logical_and(x=x, y=mb.fill(shape=wanted, value=True))
    if x.dtype == types.int32:
        return mb.mul(x=x, y=mb.fill(shape=wanted, value=np.int32(1)))
    return mb.mul(x=x, y=mb.fill(shape=wanted, value=np.float32(1)))


def tile(ctx: Context) -> Any:
    """Tile; counts by constant or computed."""
    reps = ctx.constant(1)
    return mb.tile(x=ctx.i(0), reps=[int(item) for item in reps.ravel()] if reps is not None else ctx.i(1))


def constant_of_shape(ctx: Context) -> Any:
    """A tensor of one number, of a shape that is computed."""
    held = ctx.a("value")
    value = np.zeros(1, np.float32)
    if held is not None:
        from onnx import numpy_helper

        value = numpy_helper.to_array(held)
    from edgebuild.models.convert.onnx_to_mil.values import native

    return mb.fill(shape=ctx.i(0), value=native(value).ravel()[0])


HANDLERS: dict[str, Handler] = {
    "Expand": expand,
    "Tile": tile,
    "ConstantOfShape": constant_of_shape,
}
