"""Pools of one to three spatial axes, as sums or maxima over shifted views."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.windows import integers, padded, padding

Array = np.ndarray


def sizes_out(
    sizes: tuple[int, ...], kernel: list[int], strides: list[int], around: list[tuple[int, int]], ceil: bool
) -> list[int]:
    """Output sizes; with `ceil` a last window that would begin behind the input and its first padding is dropped."""
    found = []
    for size, window, step, (before, after) in zip(sizes, kernel, strides, around, strict=True):
        span = size + before + after - window
        count = span // step + 1
        if ceil:
            count = -(-span // step) + 1
            if before + after > 0 and (count - 1) * step >= size + before:
                count -= 1
        found.append(count)
    return found


class Windows:
    """The windows of one call: the padded input and where each offset of the kernel reads it."""

    def __init__(self, x: Array, given: dict[str, Any], fill: float) -> None:
        """Args: x: [n, C, *spatial]. given: the operator's other inputs. fill: what padding holds."""
        spatial = x.shape[2:]
        self.kernel = integers(given["kernel_sizes"])
        self.strides = integers(given.get("strides", [1] * len(spatial)))
        around = padding(str(given["pad_type"]), spatial, self.kernel, self.strides, given.get("pad"))
        self.sizes = sizes_out(spatial, self.kernel, self.strides, around, bool(given.get("ceil_mode", False)))
        self.around = around
        # Behind the padding that was asked for, where rounding up lets a window reach further.
        self.beyond = [
            max(0, (count - 1) * step + window - size - sum(pads))
            for count, step, window, size, pads in zip(
                self.sizes, self.strides, self.kernel, spatial, around, strict=True
            )
        ]
        whole = [(before, after + more) for (before, after), more in zip(around, self.beyond, strict=True)]
        self.x = padded(x, whole, fill)

    def views(self, x: Array) -> Iterator[Array]:
        """One view of the output's size for each offset of the kernel."""
        for offset in itertools.product(*(range(window) for window in self.kernel)):
            cut = [
                slice(begin, begin + (count - 1) * step + 1, step)
                for begin, count, step in zip(offset, self.sizes, self.strides, strict=True)
            ]
            yield x[(slice(None), slice(None), *cut)]

    def reduce(self, combine: Callable[..., Any]) -> Array:
        """All offsets combined, axis by axis: a maximum or a sum over a box is one along each side in turn."""
        result = self.x
        for axis, (window, step, count) in enumerate(zip(self.kernel, self.strides, self.sizes, strict=True), start=2):
            lead = (slice(None),) * axis
            if window == result.shape[axis]:
                result = combine.reduce(result, axis=axis, keepdims=True)  # type: ignore[attr-defined]
                continue
            views = [result[(*lead, slice(o, o + (count - 1) * step + 1, step))] for o in range(window)]
            total = views[0].copy() if window == 1 else combine(views[0], views[1])
            for view in views[2:]:
                combine(total, view, out=total)
            result = total
        return result

    def counts(self, exclude: bool) -> Array:
        """Elements each window averages over, [1, 1, *spatial]."""
        spatial = [
            size - more - sum(pads) for size, more, pads in zip(self.x.shape[2:], self.beyond, self.around, strict=True)
        ]
        ones = np.ones((1, 1, *spatial), np.float32)
        inside = padded(ones, self.around, 0.0 if exclude else 1.0)
        inside = padded(inside, [(0, more) for more in self.beyond])
        return np.asarray(np.sum(list(self.views(inside)), axis=0, dtype=np.float32))


def max_pool(x: Array, **given: Any) -> Array:
    """The largest element of each window."""
    return Windows(x, given, -np.inf).reduce(np.maximum)


def avg_pool(x: Array, exclude_padding_from_average: Any = False, **given: Any) -> Array:
    """The mean of each window; padding counts as zeros unless excluded."""
    windows = Windows(x, given, 0.0)
    total = windows.reduce(np.add)
    if any(windows.beyond) or (exclude_padding_from_average and any(sum(pads) for pads in windows.around)):
        total /= windows.counts(bool(exclude_padding_from_average))
    else:
        total *= np.float32(1 / np.prod(windows.kernel))
    return total


def l2_pool(x: Array, **given: Any) -> Array:
    """The root of the sum of squares of each window."""
    return np.sqrt(Windows(np.square(x), given, 0.0).reduce(np.add))
