"""Tensors from sizes and places, and masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.windows import integers

Array = np.ndarray


def range_1d(end: Any, start: Any, step: Any) -> Array:
    """From `start` on in steps, `end` excluded."""
    return np.arange(np.asarray(start).item(), np.asarray(end).item(), np.asarray(step).item())


def fill(shape: Any, value: Any = 0.0) -> Array:
    """One value everywhere."""
    return np.full(integers(shape), value)


def fill_like(ref_tensor: Array, value: Any = 0.0) -> Array:
    """One value everywhere, in another tensor's shape."""
    return np.full(np.shape(ref_tensor), value)


def one_hot(indices: Array, one_hot_vector_size: Any, axis: Any = -1, on_value: Any = 1, off_value: Any = 0) -> Array:
    """`on_value` at each index along a new axis; an index outside it leaves only `off_value`."""
    places = np.arange(np.asarray(one_hot_vector_size).item())
    along = int(axis) % (np.ndim(indices) + 1)
    places = places.reshape([-1 if k == along else 1 for k in range(np.ndim(indices) + 1)])
    return np.where(np.expand_dims(indices, along) == places, on_value, off_value)


def band_part(x: Array, lower: Any = -1, upper: Any = -1) -> Array:
    """Zeros outside a band around the diagonal of the last two axes; a negative width keeps that whole side."""
    rows, columns = np.ogrid[: x.shape[-2], : x.shape[-1]]
    inside = np.ones(x.shape[-2:], np.bool_)
    if int(lower) >= 0:
        inside &= rows - columns <= int(lower)
    if int(upper) >= 0:
        inside &= columns - rows <= int(upper)
    return np.where(inside, x, np.zeros((), x.dtype))


def non_zero(x: Array) -> Array:
    """Places of elements that are not zero, one a row."""
    return np.argwhere(x).astype(np.int32)


def cumsum(x: Array, axis: Any = 0, exclusive: Any = False, reverse: Any = False) -> Array:
    """Running sums along an axis."""
    along = int(axis)
    source = np.flip(x, along) if reverse else x
    if exclusive:
        first = np.zeros_like(np.take(source, [0], along))
        source = np.concatenate([first, np.take(source, range(source.shape[along] - 1), along)], axis=along)
    total = np.cumsum(source, axis=along, dtype=x.dtype)
    return np.flip(total, along) if reverse else total
