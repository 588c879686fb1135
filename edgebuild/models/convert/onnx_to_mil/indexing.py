"""What reads or writes elements by their indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import is_symbolic, mb, types


def not_bool(write: Callable[[Context, Any], Any]) -> Handler:
    """Let an operator that MIL lacks for bool work on int32."""

    def handler(ctx: Context) -> Any:
        x = ctx.i(0)
        if x.dtype != types.bool:
            return write(ctx, x)
        return mb.cast(x=write(ctx, mb.cast(x=x, dtype="int32")), dtype="bool")

    return handler


def wrapped(ctx: Context, k: int, size: Any, x: Any, axis: int) -> Any:
    """Indices without negative ones: constants at once, others by a comparison at run time."""
    given = ctx.constant(k)
    if given is not None and not is_symbolic(size):
        if given.size and (given.min() < -int(size) or given.max() >= int(size)):
            raise ctx.refuse(f"has an index outside an axis of {size}")
        return np.where(given < 0, given + int(size), given).astype(np.int32)
    if given is not None and given.min() >= 0:
        return given.astype(np.int32)
    index = ctx.i(k)
    length = np.int32(size) if not is_symbolic(size) else size_of(x, axis)
    return mb.select(cond=mb.less(x=index, y=np.int32(0)), a=mb.add(x=index, y=length), b=index)


def size_of(x: Any, axis: int) -> Any:
    """An open axis's size at run time, of shape (1,)."""
    return mb.slice_by_index(x=mb.shape(x=x), begin=[axis], end=[axis + 1])


def gather(ctx: Context, x: Any) -> Any:
    """Gather along one axis."""
    axis = ctx.axis("axis", 0, x.rank)
    index = wrapped(ctx, 1, x.shape[axis], x, axis)
    if isinstance(index, np.ndarray) and index.ndim == 0:
        one = mb.gather(x=x, indices=index.reshape(1), axis=axis)
        return mb.squeeze(x=one, axes=[axis])
    if not isinstance(index, np.ndarray) and index.rank == 0:
        one = mb.gather(x=x, indices=mb.expand_dims(x=index, axes=[0]), axis=axis)
        return mb.squeeze(x=one, axes=[axis])
    rank = index.ndim if isinstance(index, np.ndarray) else index.rank
    if x.rank - 1 + rank > 5:
        raise ctx.refuse(f"makes a tensor of {x.rank - 1 + rank} dimensions; Core ML has five at most")
    return mb.gather(x=x, indices=index, axis=axis)


def gather_elements(ctx: Context, x: Any) -> Any:
    """GatherElements; the indices may be smaller than the data on every axis, which `gather_along_axis` wants equal."""
    axis = ctx.axis("axis", 0, x.rank)
    index = wrapped(ctx, 1, x.shape[axis], x, axis)
    x = trimmed(ctx, x, index.shape, axis)
    return mb.gather_along_axis(x=x, indices=index, axis=axis)


def trimmed(ctx: Context, x: Any, shape: tuple[Any, ...], axis: int) -> Any:
    """The data cut to the size of the indices on all other axes."""
    ends, mask = [0] * x.rank, [True] * x.rank
    for k, (own, other) in enumerate(zip(x.shape, shape, strict=True)):
        if k != axis and own != other:
            if is_symbolic(own) or is_symbolic(other):
                raise ctx.refuse("has indices and data of different open axes", "Fix the axes (`shapes`).")
            ends[k], mask[k] = int(other), False
    return x if all(mask) else mb.slice_by_index(x=x, begin=[0] * x.rank, end=ends, end_mask=mask)


def gather_nd(ctx: Context, x: Any) -> Any:
    """GatherND; batch axes are counted into the indices, for MIL has them from iOS 16 on alone."""
    batch = int(ctx.a("batch_dims", 0))
    if not batch:
        return mb.gather_nd(x=x, indices=nd_index(ctx, x))
    sizes = ctx.static(0)[:batch]
    index = nd_index(ctx, x, batch)
    shape = index.shape
    if any(is_symbolic(size) for size in shape):
        raise ctx.refuse("has batch axes and open axes", "Fix the axes (`shapes`).")
    full = tuple(int(size) for size in shape)
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in sizes), indexing="ij"), -1)
    grid = grid.reshape(*sizes, *[1] * (len(full) - 1 - batch), batch)
    lead = np.broadcast_to(grid, (*full[:-1], batch)).astype(np.int32)
    if isinstance(index, np.ndarray):
        return mb.gather_nd(x=x, indices=np.concatenate([lead, index], -1).astype(np.int32))
    return mb.gather_nd(x=x, indices=mb.concat(values=[lead, index], axis=-1))


def nd_index(ctx: Context, x: Any, batch: int = 0) -> Any:
    """Rows of indices without negative ones."""
    depth = int(ctx.shape(1)[-1])
    sizes = x.shape[batch : batch + depth]
    given = ctx.constant(1)
    if any(is_symbolic(size) for size in sizes):
        if given is not None and given.min() >= 0:
            return given.astype(np.int32)
        raise ctx.refuse("has indices, perhaps negative, into an open axis", "Fix the axis (`shapes`).")
    limits = np.asarray([int(size) for size in sizes], np.int32)
    if given is not None:
        return np.where(given < 0, given + limits, given).astype(np.int32)
    index = ctx.i(1)
    return mb.select(cond=mb.less(x=index, y=np.int32(0)), a=mb.add(x=index, y=limits), b=index)


REDUCTIONS = {"none": "update", "add": "add", "mul": "mul", "max": "max", "min": "min"}


def scatter_elements(ctx: Context, x: Any) -> Any:
    """ScatterElements; indices smaller than the data are spelt out as rows for `scatter_nd`."""
    axis = ctx.axis("axis", 0, x.rank)
    index = wrapped(ctx, 1, x.shape[axis], x, axis)
    mode = REDUCTIONS[ctx.a("reduction", "none")]
    updates = same(ctx, x)
    if all(own == other for k, (own, other) in enumerate(zip(x.shape, index.shape, strict=True)) if k != axis):
        return mb.scatter_along_axis(data=x, indices=index, updates=updates, axis=axis, mode=mode)
    if any(is_symbolic(size) for size in index.shape):
        raise ctx.refuse("has indices and data of different open axes", "Fix the axes (`shapes`).")
    full = tuple(int(size) for size in index.shape)
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in full), indexing="ij"), -1).astype(np.int32)
    if isinstance(index, np.ndarray):
        grid[..., axis] = index
        rows: Any = grid
    else:
        column = mb.expand_dims(x=index, axes=[x.rank]) if x.rank < 5 else None
        if column is None:
            raise ctx.refuse("scatters into five dimensions by indices of another size")
        parts = [column if k == axis else grid[..., k : k + 1] for k in range(x.rank)]
        rows = mb.concat(values=parts, axis=-1) if len(parts) > 1 else column
    return mb.scatter_nd(data=x, indices=rows, updates=updates, mode=mode)


def same(ctx: Context, x: Any) -> Any:
    """The updates in the type of the data."""
    updates = ctx.i(2)
    return mb.cast(x=updates, dtype="int32") if updates.dtype == types.bool and x.dtype == types.int32 else updates


def scatter_nd(ctx: Context, x: Any) -> Any:
    """ScatterND."""
    return mb.scatter_nd(
        data=x, indices=nd_index(ctx, x), updates=same(ctx, x), mode=REDUCTIONS[ctx.a("reduction", "none")]
    )


def non_zero(ctx: Context) -> Any:
    """NonZero: [rank, n]; n is known at run time alone."""
    return mb.transpose(x=mb.non_zero(x=ctx.i(0)), perm=[1, 0])


def compress(ctx: Context, x: Any) -> Any:
    """Compress; how many elements a condition keeps that is computed at run time is known then alone."""
    axis = ctx.a("axis")
    if axis is None:
        x, axis = mb.reshape(x=x, shape=[-1]), 0
    given = ctx.constant(1)
    if given is not None:
        keep = np.flatnonzero(given).astype(np.int32)
    else:
        keep = mb.squeeze(x=mb.non_zero(x=mb.cast(x=ctx.i(1), dtype="int32")), axes=[1])
    return mb.gather(x=x, indices=keep, axis=int(axis) % x.rank)


def reverse_sequence(ctx: Context) -> Any:
    """ReverseSequence."""
    x = ctx.i(0)
    lengths = ctx.constant(1)
    return mb.reverse_sequence(
        x=x,
        lengths=lengths.astype(np.int32) if lengths is not None else ctx.i(1),
        seq_axis=int(ctx.a("time_axis", 0)),
        batch_axis=int(ctx.a("batch_axis", 1)),
    )


HANDLERS: dict[str, Handler] = {
    "Gather": not_bool(gather),
    "GatherElements": not_bool(gather_elements),
    "GatherND": not_bool(gather_nd),
    "ScatterElements": not_bool(scatter_elements),
    "Scatter": not_bool(scatter_elements),
    "ScatterND": not_bool(scatter_nd),
    "NonZero": non_zero,
    "Compress": not_bool(compress),
    "ReverseSequence": reverse_sequence,
}  # fmt: skip
