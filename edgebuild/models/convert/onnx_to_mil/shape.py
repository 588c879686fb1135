"""What changes the form of a tensor and none of its elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler, saturated
from edgebuild.models.convert.onnx_to_mil.matmul import sizes
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, Var, is_symbolic, mb, types
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
        first, last = bounds(ctx, x.shape[axis], int(start), int(stop), step)
        stride[axis] = step
        begin[axis], from_start[axis] = (0, True) if first is None else (first, False)
        end[axis], to_end[axis] = (0, True) if last is None else (last, False)
    return mb.slice_by_index(
        x=x, begin=begin, end=end, stride=stride, begin_mask=from_start, end_mask=to_end
    )


def bounds(ctx: Context, size: Any, start: int, stop: int, step: int) -> tuple[int | None, int | None]:
    """First index and the one behind the last; None for the end of the axis on that side.

    Raises:
        Refused: nothing is left of the axis.
    """
    if not is_symbolic(size):
        first, last, _ = slice(start, stop, step).indices(int(size))
        if not len(range(first, last, step)):
            raise ctx.refuse("leaves no element of an axis, and Core ML has no empty tensors")
        # Behind the first element going down there is no index: -1 would be the last one.
        return first, (None if last < 0 else last)
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


def depth_to_space(ctx: Context) -> Any:
    """DepthToSpace in both orders, through a tensor of at most five axes."""
    x, block = ctx.i(0), int(ctx.a("blocksize"))
    batch, channels, height, width = x.shape
    if is_symbolic(height) or is_symbolic(width):
        if ctx.a("mode", "DCR") != "CRD":
            raise ctx.refuse("moves depth to open spatial axes in mode DCR", "Fix the axes (`shapes`).")
        return mb.pixel_shuffle(x=x, upscale_factor=block)
    depth = int(channels) // block**2
    rows = 1 if is_symbolic(batch) else int(batch)
    before, order = ([block, block, depth], [2, 3, 0, 4, 1]) if ctx.a("mode", "DCR") == "DCR" else (
        [depth, block, block], [0, 3, 1, 4, 2]
    )  # fmt: skip
    if rows != 1 or is_symbolic(batch):
        return by_parts(x, before, order, [depth, int(height) * block, int(width) * block])
    parts = mb.reshape(x=x, shape=[*before, int(height), int(width)])
    turned = mb.transpose(x=parts, perm=order)
    return mb.reshape(x=turned, shape=[1, depth, int(height) * block, int(width) * block])


def by_parts(x: Any, before: Sequence[int], order: Sequence[int], result: Sequence[int]) -> Any:
    """The same for several samples: channels put in order first, then two transposes of five axes."""
    depth_at, block = (2, before[0]) if order[0] == 2 else (0, before[1])
    depth = before[depth_at]
    index = np.arange(math.prod(before)).reshape(before)
    # [depth, block over height, block over width]
    index = index.transpose(2, 0, 1) if depth_at == 2 else index
    x = mb.gather(x=x, indices=index.ravel().astype(np.int32), axis=1)
    height, width = int(x.shape[2]), int(x.shape[3])
    wide = mb.reshape(x=x, shape=[-1, depth * block, block, height, width])
    wide = mb.reshape(x=mb.transpose(x=wide, perm=[0, 1, 3, 4, 2]), shape=[-1, depth, block, height, width * block])
    tall = mb.transpose(x=wide, perm=[0, 1, 3, 2, 4])
    return mb.reshape(x=tall, shape=[-1, *result])


def space_to_depth(ctx: Context) -> Any:
    """SpaceToDepth: the block's place counts before the channel."""
    x, block = ctx.i(0), int(ctx.a("blocksize"))
    _, channels, height, width = (None, *ctx.shape(0)[1:])
    if is_symbolic(height) or is_symbolic(width):
        raise ctx.refuse("moves open spatial axes to depth", "Fix the axes (`shapes`).")
    rows, columns = int(height) // block, int(width) // block
    tall = mb.reshape(x=x, shape=[-1, int(channels), rows, block, int(width)])
    tall = mb.reshape(x=mb.transpose(x=tall, perm=[0, 3, 1, 2, 4]), shape=[-1, block * int(channels), rows, columns, block])
    wide = mb.transpose(x=tall, perm=[0, 1, 4, 2, 3])
    # Channels stand as [block over height, channel, block over width]; ONNX wants both blocks first.
    index = np.arange(block * int(channels) * block).reshape(block, int(channels), block).transpose(0, 2, 1)
    flat = mb.reshape(x=wide, shape=[-1, block * block * int(channels), rows, columns])
    return mb.gather(x=flat, indices=index.ravel().astype(np.int32), axis=1)


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
    "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
    "Concat": concat, "Split": split, "Slice": slice_, "Shape": shape, "Size": size, "Expand": expand, "Tile": tile,
    "DepthToSpace": depth_to_space, "SpaceToDepth": space_to_depth, "ConstantOfShape": constant_of_shape,
}  # fmt: skip
