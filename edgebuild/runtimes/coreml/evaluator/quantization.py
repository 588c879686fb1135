"""Affine quantization of values; weights are restored in `weights.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def quantize(input: Array, scale: Any, output_dtype: str, zero_point: Any = None, axis: Any = None) -> Array:  # noqa: A002 - the operator's names
    """round(input / scale) + zero_point within the type's limits, halves to even."""
    limits = np.iinfo(str(output_dtype))
    found = np.rint(input / _channels(scale, input, axis))
    if zero_point is not None:
        found = found + _channels(np.asarray(zero_point, np.float32), input, axis)
    return np.clip(found, limits.min, limits.max).astype(limits.dtype)


def dequantize(input: Array, scale: Any, zero_point: Any = None, axis: Any = None) -> Array:  # noqa: A002 - the operator's names
    """Give scale * (input - zero_point)."""
    found = input.astype(np.float32)
    if zero_point is not None:
        found = found - _channels(np.asarray(zero_point, np.float32), input, axis)
    return found * _channels(scale, input, axis)


def _channels(values: Any, x: Array, axis: Any) -> Any:
    """One value, or one along an axis."""
    if axis is None or np.ndim(values) == 0:
        return values
    return np.reshape(values, [-1 if k == int(axis) % x.ndim else 1 for k in range(x.ndim)])
