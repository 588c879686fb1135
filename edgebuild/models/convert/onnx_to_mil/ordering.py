"""Order, ranges and triangles."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import is_symbolic, mb, types


def one_hot(ctx: Context) -> Any:
    """OneHot; an index below zero counts from the end, one outside gives no 1."""
    depth = int(ctx.c(1).item())
    off, on = (item.item() for item in ctx.c(2))
    indices = ctx.i(0)
    if indices.dtype != types.int32:
        indices = mb.cast(x=indices, dtype="int32")
    index = mb.select(cond=mb.less(x=indices, y=np.int32(0)), a=mb.add(x=indices, y=np.int32(depth)), b=indices)
    axis = ctx.axis("axis", -1, index.rank + 1)
    places = np.arange(depth, dtype=np.int32).reshape([depth if k == axis else 1 for k in range(index.rank + 1)])
    hit = mb.equal(x=mb.expand_dims(x=index, axes=[axis]), y=places)
    kind = ctx.c(2).dtype.kind
    if kind == "b":
        return hit if on else mb.logical_not(x=hit)
    ones = mb.cast(x=hit, dtype="fp32" if kind == "f" else "int32")
    number = np.float32 if kind == "f" else np.int32
    return mb.add(x=mb.mul(x=ones, y=number(on - off)), y=number(off))


def top_k(ctx: Context) -> Any:
    """TopK; of equal elements the one of lower index first."""
    x = ctx.i(0)
    axis = ctx.axis("axis", -1, x.rank)
    k = int(ctx.c(1).item()) if ctx.has(1) else int(ctx.a("k"))
    return list(mb.topk(x=x, k=k, axis=axis, ascending=not ctx.a("largest", 1)))


def arg(name: str) -> Handler:
    """ArgMax and ArgMin; with `select_last_index` over the axis turned around."""

    def handler(ctx: Context) -> Any:
        x = ctx.i(0)
        axis = ctx.axis("axis", 0, x.rank)
        keep = bool(ctx.a("keepdims", 1))
        if not ctx.a("select_last_index", 0):
            return getattr(mb, name)(x=x, axis=axis, keep_dims=keep)
        if is_symbolic(x.shape[axis]):
            raise ctx.refuse("wants the last of several over an open axis", "Fix the axis (`shapes`).")
        turned = getattr(mb, name)(x=mb.reverse(x=x, axes=[axis]), axis=axis, keep_dims=keep)
        return mb.sub(x=np.int32(int(x.shape[axis]) - 1), y=turned)

    return handler


def trilu(ctx: Context) -> Any:
    """The upper or lower triangle, by a constant mask."""
    x = ctx.i(0)
    rows, columns = ctx.shape(0)[-2:]
    if is_symbolic(rows) or is_symbolic(columns):
        raise ctx.refuse("cuts a triangle from open axes", "Fix the axes (`shapes`).")
    k = int(ctx.c(1).item()) if ctx.has(1) else 0
    ones = np.ones((int(rows), int(columns)), bool)
    mask = np.triu(ones, k) if ctx.a("upper", 1) else np.tril(ones, k)
    mask = np.broadcast_to(mask, (*[1] * (x.rank - 2), *mask.shape))
    if x.dtype == types.bool:
        return mb.logical_and(x=x, y=mask)
    if x.dtype == types.int32:
        return mb.mul(x=x, y=mask.astype(np.int32))
    # Not a product: an infinite element outside must become 0.
    everywhere = mb.logical_or(x=mb.not_equal(x=x, y=x), y=mb.logical_not(x=mb.not_equal(x=x, y=x)))
    return mb.select(cond=mb.logical_and(x=everywhere, y=mask), a=x, b=np.float32(0))


def cumulative_sum(ctx: Context) -> Any:
    """CumSum; integers by way of float, exact below 2^24."""
    source = ctx.i(0)
    x = ctx.to_float(source)
    axis = int(ctx.c(1).item()) % x.rank
    total = mb.cumsum(x=x, axis=axis, exclusive=bool(ctx.a("exclusive", 0)), reverse=bool(ctx.a("reverse", 0)))
    return ctx.like(total, source)


def range_(ctx: Context) -> Any:
    """Range with bounds that are computed."""
    start, end, step = (scalar(ctx.i(k)) for k in range(3))
    if start.dtype == types.int32:
        return mb.range_1d(start=start, end=end, step=step)
    # The number of elements is rounded up in float, then each is start + i · step: adding up would drift.
    count = mb.ceil(x=mb.real_div(x=mb.sub(x=end, y=start), y=step))
    steps = mb.range_1d(start=np.float32(0), end=count, step=np.float32(1))
    return mb.add(x=mb.mul(x=steps, y=step), y=start)


def scalar(x: Any) -> Any:
    """Without dimensions."""
    return mb.squeeze(x=x, axes=list(range(x.rank))) if x.rank else x


def eye_like(ctx: Context) -> Any:
    """A unit matrix of a known shape."""
    from onnx import TensorProto

    rows, columns = ctx.static(0)
    kind = int(ctx.a("dtype", 0)) or ctx.kind(0)
    whole = kind not in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
    found = np.eye(rows, columns, int(ctx.a("k", 0)), dtype=np.int64 if whole else np.float32)
    return found.astype(bool) if kind == TensorProto.BOOL else found


HANDLERS: dict[str, Handler] = {
    "OneHot": one_hot,
    "TopK": top_k,
    "ArgMax": arg("reduce_argmax"),
    "ArgMin": arg("reduce_argmin"),
    "Trilu": trilu,
    "CumSum": cumulative_sum,
    "Range": range_,
    "EyeLike": eye_like,
}
