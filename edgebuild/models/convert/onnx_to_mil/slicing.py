"""Slice, Split and Concat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler, saturated
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, is_symbolic, mb, types


def concat(ctx: Context) -> Any:
    """Concat; tensors without elements are left out."""
    parts = []
    for k in range(len(ctx.node.input)):
        held = ctx.constant(k)
        if held is None or held.size:
            parts.append(ctx.i(k))
    rank = parts[0].rank
    return joined_parts(ctx, parts, ctx.axis("axis", 1, rank))


def joined_parts(ctx: Context, parts: Sequence[Any], axis: int) -> Any:
    """One after the other along an axis; bool by way of int32."""
    if len(parts) == 1:
        return mb.identity(x=parts[0])
    if any(item.dtype in FLOAT for item in parts) and not all(item.dtype in FLOAT for item in parts):
        parts = [ctx.to_float(item) for item in parts]
    if parts[0].dtype == types.bool:
        whole = [mb.cast(x=item, dtype="int32") for item in parts]
        return mb.cast(x=mb.concat(values=whole, axis=axis), dtype="bool")
    return mb.concat(values=list(parts), axis=axis)


def split(ctx: Context) -> Any:
    """Split by sizes, by a number of parts, or into as many as there are outputs; the last may be smaller."""
    x = ctx.i(0)
    axis = ctx.axis("axis", 0, x.rank)
    parts = ctx.ints(1) if ctx.has(1) else ctx.a("split")
    count = int(ctx.a("num_outputs", len(ctx.node.output)))
    if parts is None:
        size = x.shape[axis]
        if is_symbolic(size):
            raise ctx.refuse("splits an open axis", "Fix the axis (`shapes`).")
        each = -(-int(size) // count)
        parts = [min(each, int(size) - k * each) for k in range(count)]
    if len(parts) == 1:
        return [mb.identity(x=x)]
    return list(mb.split(x=x, split_sizes=[int(size) for size in parts], axis=axis))


def slice_(ctx: Context) -> Any:
    """Slice; bounds by attribute or constant inputs, or computed where steps are 1."""
    x = ctx.i(0)
    by_input = ctx.has(1)
    starts = ctx.constant(1) if by_input else np.asarray(ctx.a("starts"))
    ends = ctx.constant(2) if by_input else np.asarray(ctx.a("ends"))
    count = int(ctx.shape(1)[0]) if by_input else len(ctx.a("starts"))
    axes = ctx.ints(3) if ctx.has(3) else ctx.a("axes") or list(range(count))
    axes = [axis % x.rank for axis in axes]
    steps = ctx.ints(4) if ctx.has(4) else [1] * len(axes)
    if starts is None or ends is None:
        return slice_at_run_time(ctx, x, axes, steps)
    begin, end, stride = [0] * x.rank, [0] * x.rank, [1] * x.rank
    from_start, to_end = [True] * x.rank, [True] * x.rank
    for axis, start, stop, step in zip(axes, starts.ravel(), ends.ravel(), steps, strict=True):
        head, tail = bounds(ctx, x.shape[axis], int(start), int(stop), step)
        stride[axis] = step
        begin[axis], from_start[axis] = (0, True) if head is None else (head, False)
        end[axis], to_end[axis] = (0, True) if tail is None else (tail, False)
    return mb.slice_by_index(x=x, begin=begin, end=end, stride=stride, begin_mask=from_start, end_mask=to_end)


def bounds(ctx: Context, size: Any, start: int, stop: int, step: int) -> tuple[int | None, int | None]:
    """First index and the one behind the last; None for the end of the axis on that side.

    Raises:
        Refused: nothing is left of the axis.
    """
    if not is_symbolic(size):
        head, tail, _ = slice(start, stop, step).indices(int(size))
        if not range(head, tail, step):
            raise ctx.refuse("leaves no element of an axis, and Core ML has no empty tensors")
        # Behind the first element going down there is no index: -1 would be the last one.
        return head, (None if tail < 0 else tail)
    if step < 0 and start < 0:
        first = None if start == -1 else start
    else:
        first = None if step < 0 and start >= int(saturated(2**31)) else int(saturated(start))
    open_end = stop >= 2**31 - 1 if step > 0 else stop < -(2**31 - 1)
    return first, (None if open_end else int(saturated(stop)))


def slice_at_run_time(ctx: Context, x: Any, axes: Sequence[int], steps: Sequence[int]) -> Any:
    """With bounds that are computed; sizes of the result are known at run time alone."""
    if any(step != 1 for step in steps):
        raise ctx.refuse("has computed bounds and a step other than 1")
    begin, end = ctx.i(1), ctx.i(2)
    now = mb.shape(x=x)
    size = {axis: mb.slice_by_index(x=now, begin=[axis], end=[axis + 1]) for axis in range(x.rank)}
    first: list[Any] = [np.zeros(1, np.int32)] * x.rank
    last: list[Any] = [size[axis] for axis in range(x.rank)]
    for k, axis in enumerate(axes):
        for bound, found in ((begin, first), (end, last)):
            one = mb.slice_by_index(x=bound, begin=[k], end=[k + 1])
            below = mb.less(x=one, y=np.int32(0))
            counted = mb.select(cond=below, a=mb.add(x=one, y=size[axis]), b=one)
            found[axis] = mb.minimum(x=mb.maximum(x=counted, y=np.int32(0)), y=size[axis])
    return mb.slice_by_index(x=x, begin=mb.concat(values=first, axis=0), end=mb.concat(values=last, axis=0))


HANDLERS: dict[str, Handler] = {
    "Concat": concat,
    "Split": split,
    "Slice": slice_,
}
