"""Sizes and paddings of sliding windows, as MIL names them: valid, same, same_lower, custom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def padding(
    pad_type: str, sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], pad: Any
) -> list[tuple[int, int]]:
    """Elements added before and after each spatial axis.

    Args:
        pad_type: one of MIL's names, in any case.
        sizes: of the input.
        kernel: of the window, dilation counted in.
        strides: of the window.
        pad: before and after in turn, read for `custom` alone.
    """
    kind = pad_type.lower()
    if kind == "custom":
        return [(int(pad[2 * axis]), int(pad[2 * axis + 1])) for axis in range(len(sizes))]
    if kind == "valid":
        return [(0, 0)] * len(sizes)
    total = [
        max(0, -(-size // step) * step - size + window - step)
        for size, window, step in zip(sizes, kernel, strides, strict=True)
    ]
    if kind == "same_lower":
        return [(amount - amount // 2, amount // 2) for amount in total]
    return [(amount // 2, amount - amount // 2) for amount in total]


def padded(x: np.ndarray, around: Sequence[tuple[int, int]], value: float = 0.0) -> np.ndarray:
    """The last axes of `x` with a constant around them; numpy's own `pad` takes several times as long."""
    if not any(before or after for before, after in around):
        return x
    lead = x.ndim - len(around)
    shape = [*x.shape[:lead]]
    inner = [slice(None)] * lead
    for (before, after), size in zip(around, x.shape[lead:], strict=True):
        shape.append(before + size + after)
        inner.append(slice(before, before + size))
    result = np.full(shape, value, x.dtype)
    result[tuple(inner)] = x
    return result


def integers(value: Any) -> list[int]:
    """A constant as whole numbers."""
    return [int(item) for item in np.atleast_1d(value)]
