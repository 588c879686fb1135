"""Pools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product
from math import prod
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, is_symbolic, mb
from edgebuild.models.convert.onnx_to_mil.padding import Pads, explicit_pads, flat, pad_last

LARGEST = 256
"""Elements of a window that are compared one by one."""


class Window:
    """The attributes of a pool, with the pads that `ceil_mode` adds at the end."""

    def __init__(self, ctx: Context, x: Any) -> None:
        self.axes = x.rank - 2
        if not 1 <= self.axes <= 3:
            raise ctx.refuse(f"pools over {self.axes} spatial axes; Core ML has one to three")
        self.kernel: list[int] = ctx.a("kernel_shape")
        self.strides: list[int] = ctx.a("strides") or [1] * self.axes
        self.dilations: list[int] = ctx.a("dilations") or [1] * self.axes
        self.pads: Pads = explicit_pads(ctx, x.shape[2:], self.kernel, self.strides, self.dilations)
        self.extra = [0] * self.axes
        if ctx.a("ceil_mode", 0) and ctx.a("auto_pad", "NOTSET") in ("NOTSET", "VALID"):
            self.extra = [self.overhang(ctx, k, x.shape[2 + k]) for k in range(self.axes)]

    @property
    def whole(self) -> Pads:
        """Pads with what `ceil_mode` adds."""
        return [(before, after + more) for (before, after), more in zip(self.pads, self.extra, strict=True)]

    @property
    def dilated(self) -> bool:
        """Whether the window has holes, which MIL's pools do not have."""
        return any(step != 1 for step in self.dilations)

    def overhang(self, ctx: Context, k: int, size: Any) -> int:
        """How far the last window reaches beyond the padded end; none where it would begin in the end pad.

        Source: ONNX, MaxPool, since opset 19, and ONNX Runtime for all.
        """
        if self.strides[k] == 1:
            return 0
        if is_symbolic(size):
            raise ctx.refuse("has ceil_mode over an open axis", "Fix the axis (`shapes`).")
        before, after = self.pads[k]
        reach = (self.kernel[k] - 1) * self.dilations[k] + 1
        steps = -(-(int(size) + before + after - reach) // self.strides[k])
        if steps * self.strides[k] >= int(size) + before:
            steps -= 1
        return max(steps * self.strides[k] + reach - int(size) - before - after, 0)

    def lines(self, size: int, k: int) -> list[slice]:
        """For each place of the window along a spatial axis, where all windows have it in the padded axis."""
        count = (size - (self.kernel[k] - 1) * self.dilations[k] - 1) // self.strides[k] + 1
        begins = [place * self.dilations[k] for place in range(self.kernel[k])]
        return [slice(begin, begin + (count - 1) * self.strides[k] + 1, self.strides[k]) for begin in begins]

    def over(self, x: Any, value: float, join: Callable[[Any, Any], Any]) -> Any:
        """All windows joined, one axis after the other; pads hold `value`."""
        x = pad_last(x, self.whole, value)
        for k in range(self.axes):
            x = reduce(join, [part(x, {k: line}) for line in self.lines(int(x.shape[2 + k]), k)])
        return x


def part(x: Any, lines: dict[int, slice]) -> Any:
    """A slice along some of the spatial axes."""
    at = [lines.get(k - 2, slice(0, 0, 1)) for k in range(x.rank)]
    mask = [k - 2 not in lines for k in range(x.rank)]
    return mb.slice_by_index(
        x=x,
        begin=[item.start for item in at],
        end=[item.stop for item in at],
        stride=[item.step for item in at],
        begin_mask=mask,
        end_mask=mask,
    )


def larger(a: Any, b: Any) -> Any:
    """The maximum."""
    return mb.maximum(x=a, y=b)


def total_of(a: Any, b: Any) -> Any:
    """The sum."""
    return mb.add(x=a, y=b)


def max_pool(ctx: Context) -> Any:
    """MaxPool; dilated windows, and indices of the maxima, as comparisons of slices."""
    source = ctx.i(0)
    x = ctx.to_float(source)
    window = Window(ctx, x)
    if ctx.wants(1):
        found, index = with_indices(ctx, x, window)
        return [ctx.like(found, source), index]
    if window.dilated:
        ctx.static(0, "fixed sizes where windows are dilated")
        return ctx.like(window.over(x, -np.inf, larger), source)
    result = mb.max_pool(
        x=x, kernel_sizes=window.kernel, strides=window.strides, pad_type="custom", pad=flat(window.whole)
    )
    return ctx.like(result, source)


def with_indices(ctx: Context, x: Any, window: Window) -> tuple[Any, Any]:
    """Maxima and their places in the flattened input, the first of several equal ones.

    Source: ONNX, MaxPool; with `storage_order` 1 the last axis counts most within a channel.
    """
    sizes = ctx.static(0, "fixed sizes where it gives the indices of its maxima")
    spatial = sizes[2:]
    places = np.arange(int(np.prod(spatial))).reshape(spatial, order="F" if ctx.a("storage_order", 0) else "C")
    channels = np.arange(sizes[0] * sizes[1]).reshape(sizes[:2]) * places.size
    index = channels.reshape(*sizes[:2], *[1] * len(spatial)) + places
    if prod(window.kernel) > LARGEST:
        raise ctx.refuse(f"gives the indices of its maxima in windows of more than {LARGEST} elements")
    padded = np.pad(index, [(0, 0), (0, 0), *window.whole]).astype(np.int32)
    x, best, at = pad_last(x, window.whole, -np.inf), None, None
    for lines in product(*(window.lines(size, k) for k, size in enumerate(padded.shape[2:]))):
        value, here = part(x, dict(enumerate(lines))), padded[:, :, *lines]
        at = here if best is None else mb.select(cond=mb.greater(x=value, y=best), a=here, b=at)
        best = value if best is None else mb.maximum(x=value, y=best)
    return best, mb.identity(x=at)


def average_pool(ctx: Context) -> Any:
    """AveragePool; pads count where `count_include_pad` says so, what `ceil_mode` adds never does."""
    x = ctx.f(0)
    window = Window(ctx, x)
    counted = bool(ctx.a("count_include_pad", 0))
    if window.dilated or (counted and any(window.extra)):
        return averaged(ctx, x, window, counted)
    return mb.avg_pool(
        x=x, kernel_sizes=window.kernel, strides=window.strides, pad_type="custom", pad=flat(window.whole),
        exclude_padding_from_average=not counted,
    )  # fmt: skip


def averaged(ctx: Context, x: Any, window: Window, counted: bool) -> Any:
    """The sum over slices, divided by how many of them lie inside."""
    sizes = ctx.static(0, "fixed sizes where windows are dilated or ceil_mode counts pads")[2:]
    total = window.over(x, 0.0, total_of)
    counts = np.ones((1, 1), np.float32)
    for k, size in enumerate(sizes):
        before, after = window.pads[k]
        inside = np.pad(np.ones(size), (before, after), constant_values=float(counted))
        inside = np.pad(inside, (0, window.extra[k]))
        starts = np.arange(int(total.shape[2 + k])) * window.strides[k]
        line = sum(inside[starts + place * window.dilations[k]] for place in range(window.kernel[k]))
        counts = counts[..., None] * np.asarray(line, np.float32)
    return mb.real_div(x=total, y=counts.astype(np.float32))


def lp_pool(ctx: Context) -> Any:
    """LpPool: (Σ |x|^p)^(1/p) over each window, pads count as 0."""
    x, p = ctx.f(0), float(ctx.a("p", 2))
    window = Window(ctx, x)
    raised = mb.pow(x=mb.abs(x=x), y=np.float32(p))
    if window.dilated:
        ctx.static(0, "fixed sizes where windows are dilated")
        total = window.over(raised, 0.0, total_of)
    else:
        average = mb.avg_pool(
            x=raised, kernel_sizes=window.kernel, strides=window.strides, pad_type="custom", pad=flat(window.whole),
            exclude_padding_from_average=False,
        )  # fmt: skip
        total = mb.mul(x=average, y=np.float32(np.prod(window.kernel)))
    return mb.pow(x=total, y=np.float32(1 / p))


def over_space(x: Any) -> Sequence[int]:
    """All axes but batch and channel."""
    return list(range(2, x.rank))


def global_average(ctx: Context) -> Any:
    """GlobalAveragePool."""
    x = ctx.f(0)
    return mb.reduce_mean(x=x, axes=over_space(x), keep_dims=True)


def global_max(ctx: Context) -> Any:
    """GlobalMaxPool."""
    x = ctx.i(0)
    return mb.reduce_max(x=x if x.dtype in FLOAT else ctx.to_float(x), axes=over_space(x), keep_dims=True)


def global_lp(ctx: Context) -> Any:
    """GlobalLpPool."""
    x, p = ctx.f(0), float(ctx.a("p", 2))
    total = mb.reduce_sum(x=mb.pow(x=mb.abs(x=x), y=np.float32(p)), axes=over_space(x), keep_dims=True)
    return mb.pow(x=total, y=np.float32(1 / p))


HANDLERS: dict[str, Handler] = {
    "MaxPool": max_pool, "AveragePool": average_pool, "LpPool": lp_pool,
    "GlobalAveragePool": global_average, "GlobalMaxPool": global_max, "GlobalLpPool": global_lp,
}  # fmt: skip
