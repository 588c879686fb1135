"""What changes the form of a tensor and none of its elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.matmul import sizes
from edgebuild.models.convert.onnx_to_mil.mil import is_symbolic, mb
from edgebuild.models.convert.onnx_to_mil.values import Folded


def reshape(ctx: Context) -> Any:
    """Reshape; to more than five dimensions only to be transposed and reshaped again."""
    held = ctx.value(0)
    x = held.var if isinstance(held, Folded) else ctx.i(0)
    wanted = ctx.constant(1) if ctx.has(1) else np.asarray(ctx.a("shape"))
    if wanted is None:
        return reshape_at_run_time(ctx, x)
    return reshaped(ctx, x, list(held.shape), [int(size) for size in wanted.ravel()])


def reshaped(ctx: Context, x: Any, shape: list[Any], wanted: list[int]) -> Any:
    """To a constant shape, in which 0 copies an axis and -1 stands for the rest."""
    if not ctx.a("allowzero", 0):
        wanted = [shape[k] if size == 0 else size for k, size in enumerate(wanted)]
    total = math.prod(shape)
    if -1 in wanted and not is_symbolic(total):
        wanted[wanted.index(-1)] = int(total) // max(abs(math.prod(wanted)), 1)
    if len(wanted) > 5:
        if any(is_symbolic(size) for size in wanted) or -1 in wanted:
            raise ctx.refuse(f"makes a tensor of {len(wanted)} dimensions; Core ML has five at most")
        return Folded(x, tuple(int(size) for size in wanted))
    if any(is_symbolic(size) for size in wanted) and -1 in wanted:
        return mb.reshape(x=x, shape=copied(ctx, x, shape, wanted))
    return mb.reshape(x=x, shape=sizes(ctx, wanted))


def copied(ctx: Context, x: Any, shape: list[Any], wanted: list[Any]) -> Any:
    """A shape made at run time, where one open axis is copied and another is what remains.

    Raises:
        Refused: which axis is copied cannot be told.
    """
    sources = [shape.index(size) if is_symbolic(size) and size in shape else -1 for size in wanted]
    if any(is_symbolic(size) and at < 0 for size, at in zip(wanted, sources, strict=True)):
        raise ctx.refuse("reshapes a tensor with more than one open axis", "Fix all but one of them (`shapes`).")
    now = mb.shape(x=x)
    parts = [
        mb.slice_by_index(x=now, begin=[at], end=[at + 1]) if at >= 0 else np.asarray([size], np.int32)
        for size, at in zip(wanted, sources, strict=True)
    ]
    return mb.concat(values=parts, axis=0)


def reshape_at_run_time(ctx: Context, x: Any) -> Any:
    """To a shape computed from open axes; where MIL's inference knows all but one size, that one is -1."""
    shape = ctx.i(1)
    known = shape.sym_val
    if known is not None:
        wanted = [item if is_symbolic(item) else int(item) for item in np.asarray(known, object).ravel()]
        wanted = [x.shape[k] if not is_symbolic(size) and size == 0 else size for k, size in enumerate(wanted)]
        unknown = [k for k, size in enumerate(wanted) if is_symbolic(size) or size == -1]
        if len(unknown) <= 1 and len(wanted) <= 5:
            return mb.reshape(x=x, shape=[-1 if k in unknown else size for k, size in enumerate(wanted)])
    if is_symbolic(shape.shape[0]):
        raise ctx.refuse("reshapes to a number of dimensions known at run time alone")
    if not ctx.a("allowzero", 0):
        count = int(shape.shape[0])
        now = mb.shape(x=x)
        if count < x.rank:
            now = mb.slice_by_index(x=now, begin=[0], end=[count])
        elif count > x.rank:
            now = mb.concat(values=[now, np.ones(count - x.rank, np.int32)], axis=0)
        shape = mb.select(cond=mb.equal(x=shape, y=np.int32(0)), a=now, b=shape)
    return mb.reshape(x=x, shape=shape)


def flatten(ctx: Context) -> Any:
    """To two dimensions."""
    x = ctx.i(0)
    axis = int(ctx.a("axis", 1))
    axis += x.rank if axis < 0 else 0
    before, after = x.shape[:axis], x.shape[axis:]
    open_before = any(is_symbolic(size) for size in before)
    open_after = any(is_symbolic(size) for size in after)
    if open_before and open_after:
        raise ctx.refuse("flattens open axes into both of its two", "Fix the axes (`shapes`).")
    shape = [-1 if open_before else math.prod(before), -1 if open_after else math.prod(after)]
    return mb.reshape(x=x, shape=[size if isinstance(size, int) else int(size) for size in shape])


def axes_of(ctx: Context, rank: int, k: int = 1) -> list[int] | None:
    """Axes by input or attribute, whichever is there; None for neither."""
    given = ctx.ints(k) if ctx.has(k) else ctx.a("axes")
    return None if given is None else [int(axis) % rank for axis in given]


def squeeze(ctx: Context) -> Any:
    """Drop axes of size 1."""
    held = ctx.value(0)
    axes = axes_of(ctx, len(held.shape))
    if axes is None:
        axes = [axis for axis, size in enumerate(held.shape) if not is_symbolic(size) and size == 1]
    if isinstance(held, Folded):
        return unfolded(Folded(held.var, tuple(s for k, s in enumerate(held.shape) if k not in axes)))
    x = ctx.i(0)
    return mb.squeeze(x=x, axes=sorted(axes)) if axes else mb.identity(x=x)


def unsqueeze(ctx: Context) -> Any:
    """Add axes of size 1."""
    held = ctx.value(0)
    given = ctx.ints(1) if ctx.has(1) else ctx.a("axes")
    rank = len(held.shape) + len(given)
    axes = sorted(int(axis) % rank for axis in given)
    if rank > 5:
        rest = iter(held.shape)
        shape = tuple(1 if k in axes else next(rest) for k in range(rank))
        if any(is_symbolic(size) for size in shape):
            raise ctx.refuse(f"makes a tensor of {rank} dimensions; Core ML has five at most")
        return Folded(held.var if isinstance(held, Folded) else ctx.i(0), shape)
    return mb.expand_dims(x=ctx.i(0), axes=axes) if axes else mb.identity(x=ctx.i(0))


def transpose(ctx: Context) -> Any:
    """Axes in another order."""
    held = ctx.value(0)
    perm = ctx.a("perm") or list(range(len(held.shape)))[::-1]
    if isinstance(held, Folded):
        return transposed_folded(ctx, held, perm)
    return mb.transpose(x=ctx.i(0), perm=perm) if len(perm) > 1 else mb.identity(x=ctx.i(0))


def transposed_folded(ctx: Context, held: Folded, perm: Sequence[int]) -> Any:
    """A transpose of more than five axes, as one of fewer: axes that stay together move as one.

    Given:   [N, C, h, 2, w, 2] by (0, 1, 3, 5, 2, 4)
    Result:  the same elements as of a transpose of five axes or fewer, in the new order.
    """
    runs: list[list[int]] = []
    for axis in (axis for axis in perm if held.shape[axis] != 1):
        if runs and joined(held.shape, runs[-1][-1], axis):
            runs[-1].append(axis)
        else:
            runs.append([axis])
    order = sorted(range(len(runs)), key=lambda k: runs[k][0])
    if len(runs) > 5:
        raise ctx.refuse(f"moves {len(runs)} axes apart from each other; Core ML has five dimensions at most")
    new = tuple(held.shape[axis] for axis in perm)
    if len(runs) < 2:
        return unfolded(Folded(held.var, new))
    flat = mb.reshape(x=held.var, shape=[math.prod(held.shape[axis] for axis in runs[k]) for k in order])
    turned = mb.transpose(x=flat, perm=[order.index(k) for k in range(len(runs))])
    return unfolded(Folded(turned, new))


def joined(shape: Sequence[int], first: int, second: int) -> bool:
    """Whether nothing but axes of size 1 lies between two axes, in this order."""
    return second > first and all(shape[axis] == 1 for axis in range(first + 1, second))


def unfolded(value: Folded) -> Any:
    """A variable again where five dimensions do."""
    return mb.reshape(x=value.var, shape=list(value.shape)) if len(value.shape) <= 5 else value


def shape(ctx: Context) -> Any:
    """Shape, from `start` to `end`; a constant where no axis is open."""
    held = ctx.value(0)
    rank = len(held.shape)
    first, last, _ = slice(ctx.a("start", 0), ctx.a("end"), 1).indices(rank)
    part = held.shape[first:last]
    if not any(is_symbolic(size) for size in part):
        return np.asarray([int(size) for size in part], np.int64)
    found = mb.shape(x=ctx.i(0))
    return found if len(part) == rank else mb.slice_by_index(x=found, begin=[first], end=[last])


def size(ctx: Context) -> Any:
    """The number of elements."""
    held = ctx.value(0)
    if not any(is_symbolic(item) for item in held.shape):
        return np.asarray(math.prod(int(item) for item in held.shape), np.int64)
    return mb.reduce_prod(x=mb.shape(x=ctx.i(0)), axes=[0], keep_dims=False)


HANDLERS: dict[str, Handler] = {
    "Reshape": reshape,
    "Flatten": flatten,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Shape": shape,
    "Size": size,
}  # fmt: skip
