"""Explicit pads of convolutions and pools, and tensors padded or cropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, is_symbolic, mb, types

Pads = list[tuple[int, int]]
"""Before and after, by axis."""


def explicit_pads(
    ctx: Context, size: Sequence[Any], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Pads:
    """ONNX's `pads` or `auto_pad` over the spatial axes.

    Raises:
        Refused: SAME with a stride over an open axis.
    """
    auto = ctx.a("auto_pad", "NOTSET")
    axes = len(kernel)
    if auto == "VALID":
        return [(0, 0)] * axes
    if auto == "NOTSET":
        given = ctx.a("pads", [0] * 2 * axes)
        return list(zip(given[:axes], given[axes:], strict=True))
    pads = []
    for k in range(axes):
        reach = (kernel[k] - 1) * dilations[k] + 1
        if strides[k] == 1:
            total = reach - 1
        elif is_symbolic(size[k]):
            raise ctx.refuse(f"has auto_pad {auto} and a stride over an open axis", "Fix the axis (`shapes`).")
        else:
            total = max((-(-int(size[k]) // strides[k]) - 1) * strides[k] + reach - int(size[k]), 0)
        small = total // 2
        pads.append((small, total - small) if auto == "SAME_UPPER" else (total - small, small))
    return pads


def flat(pads: Pads) -> list[int]:
    """In MIL's order: before and after of each axis in turn."""
    return [side for pair in pads for side in pair]


def pad_last(x: Any, pads: Pads, value: float) -> Any:
    """Pad the last axes of a float tensor with a constant; negative pads crop."""
    x = crop_last(x, [(max(-before, 0), max(-after, 0)) for before, after in pads])
    grown = [(max(before, 0), max(after, 0)) for before, after in pads]
    if not any(flat(grown)):
        return x
    return mb.pad(x=x, pad=flat(grown), mode="constant", constant_val=np.float32(value))


def crop_last(x: Any, crops: Pads) -> Any:
    """Cut from the last axes."""
    if not any(flat(crops)):
        return x
    skipped = x.rank - len(crops)
    begin = [0] * skipped + [before for before, _ in crops]
    end = [0] * skipped + [-after for _, after in crops]
    mask = [True] * skipped + [after == 0 for _, after in crops]
    return mb.slice_by_index(
        x=x, begin=begin, end=end, end_mask=mask, begin_mask=[True] * skipped + [False] * len(crops)
    )


def pad(ctx: Context) -> Any:
    """Pad in all its modes, over any axes."""
    x = ctx.i(0)
    pads = pads_of(ctx, x.rank)
    mode = ctx.a("mode", "constant")
    if mode == "constant":
        return padded_constant(ctx, x, pads)
    for axis, (before, after) in enumerate(pads):
        if before or after:
            x = padded_by_index(ctx, x, axis, (before, after), mode)
    return mb.identity(x=x) if x is ctx.i(0) else x


def pads_of(ctx: Context, rank: int) -> Pads:
    """By attribute or input, for the axes given or for all."""
    given = ctx.ints(1) if ctx.has(1) else list(ctx.a("pads", ctx.a("paddings", [])))
    axes = [axis % rank for axis in ctx.ints(3)] if ctx.has(3) else list(range(rank))
    pads = [(0, 0)] * rank
    for k, axis in enumerate(axes):
        pads[axis] = (given[k], given[k + len(axes)])
    return pads


def padded_constant(ctx: Context, x: Any, pads: Pads) -> Any:
    """With a number; MIL pads floats alone, so that others go by way of float32."""
    value = float(ctx.c(2).item()) if ctx.has(2) else float(ctx.a("value", 0.0))
    source = x
    if x.dtype not in FLOAT:
        if abs(value) > 2**24:
            raise ctx.refuse(f"pads integers with {value:.0f}, which float32 does not hold exactly")
        x = mb.cast(x=x, dtype="fp32")
        ctx.exact(x)
    first = next((k for k, pair in enumerate(pads) if pair != (0, 0)), x.rank)
    result = pad_last(x, pads[first:], value)
    if source.dtype not in FLOAT:
        ctx.exact(result)
        return mb.cast(x=result, dtype="int32" if source.dtype == types.int32 else "bool")
    return mb.identity(x=result) if result is x else result


def padded_by_index(ctx: Context, x: Any, axis: int, pads: tuple[int, int], mode: str) -> Any:
    """Reflect, repeat the edge or wrap around along one axis.

    `mb.pad` does the first two along the last two axes; elsewhere the axis is gathered by a padded index.
    """
    before, after = pads
    size = x.shape[axis]
    native = x.dtype in FLOAT and axis >= x.rank - 2 and before >= 0 and after >= 0 and mode in ("reflect", "edge")
    if native:
        last = [(0, 0)] * (x.rank - 1 - axis)
        return mb.pad(x=x, pad=flat([(before, after), *last]), mode="reflect" if mode == "reflect" else "replicate")
    if is_symbolic(size):
        raise ctx.refuse(f"pads an open axis in mode {mode}", "Fix the axis (`shapes`).")
    index = np.arange(int(size))[max(-before, 0) : int(size) - max(-after, 0)]
    grown = (max(before, 0), max(after, 0))
    index = np.pad(index, grown, "wrap" if mode == "wrap" else "edge" if mode == "edge" else "reflect")
    if x.dtype == types.bool:
        return mb.cast(
            x=mb.gather(x=mb.cast(x=x, dtype="int32"), indices=index.astype(np.int32), axis=axis), dtype="bool"
        )
    return mb.gather(x=x, indices=index.astype(np.int32), axis=axis)


HANDLERS = {"Pad": pad}
