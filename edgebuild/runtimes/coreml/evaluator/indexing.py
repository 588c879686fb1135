"""Gather and scatter.

Up to iOS 16 a negative index counts from the end. From iOS 17 on (the operators then have `validate_indices`) an index
outside [0, size) is undefined on a device; here it raises, for a model that relies on it is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def wrapped(indices: Array, size: int, validate: Any) -> Array:
    """Indices from zero on.

    `validate` is None for operators up to iOS 16.

    Raises:
        ValueError: an index has no meaning on a device.
    """
    found = np.asarray(indices).astype(np.int64)
    low = 0 if validate is not None else -size
    if found.size and (found.min() < low or found.max() >= size):
        outside = found[(found < low) | (found >= size)].flat[0]
        raise ValueError(f"index {outside} lies outside [{low}, {size}); Core ML does not define what is read there")
    return np.where(found < 0, found + size, found) if validate is None else found


def gather(x: Array, indices: Array, axis: Any = 0, batch_dims: Any = 0, validate_indices: Any = None) -> Array:
    """Slices along an axis."""
    along, batch = int(axis) % x.ndim, int(batch_dims)
    places = wrapped(indices, x.shape[along], validate_indices)
    if batch == 0:
        return np.take(x, places, axis=along)
    lead = x.shape[:batch]
    flat = x.reshape(-1, *x.shape[batch:])
    rows = places.reshape(-1, *places.shape[batch:])
    parts = [np.take(part, row, axis=along - batch) for part, row in zip(flat, rows, strict=True)]
    return np.stack(parts).reshape(*lead, *parts[0].shape)


def gather_along_axis(x: Array, indices: Array, axis: Any = 0, validate_indices: Any = None) -> Array:
    """One element for each index, in the shape of the indices."""
    return np.take_along_axis(x, wrapped(indices, x.shape[int(axis)], validate_indices), axis=int(axis))


def gather_nd(x: Array, indices: Array, batch_dims: Any = 0, validate_indices: Any = None) -> Array:
    """Slices at the places that the last axis of the indices spells out."""
    batch = int(batch_dims)
    return x[_places(x, indices, batch, validate_indices)]


def scatter(
    data: Array, indices: Array, updates: Array, axis: Any = 0, mode: str = "add", validate_indices: Any = None
) -> Array:
    """`data` with slices along an axis updated."""
    along = int(axis) % data.ndim
    place = (*(slice(None),) * along, wrapped(indices, data.shape[along], validate_indices))
    return _updated(data, place, updates, mode)


def scatter_along_axis(
    data: Array, indices: Array, updates: Array, axis: Any = 0, mode: str = "add", validate_indices: Any = None
) -> Array:
    """`data` with one element updated for each index."""
    along = int(axis) % data.ndim
    place: list[Array] = list(np.indices(np.shape(indices), sparse=True))
    place[along] = wrapped(indices, data.shape[along], validate_indices)
    return _updated(data, tuple(place), updates, mode)


def scatter_nd(data: Array, indices: Array, updates: Array, mode: str = "add", validate_indices: Any = None) -> Array:
    """`data` with slices updated at the places that the last axis of the indices spells out."""
    return _updated(data, _places(data, indices, 0, validate_indices), updates, mode)


UPDATES: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "max": np.maximum, "min": np.minimum,
}  # fmt: skip


def _updated(data: Array, place: Any, updates: Array, mode: str) -> Array:
    result = np.array(data)
    if str(mode) == "update":
        result[place] = updates
    else:
        # Unlike `result[place] += updates` it adds up where an index comes twice.
        UPDATES[str(mode)].at(result, place, updates)
    return result


def _places(x: Array, indices: Array, batch: int, validate: Any) -> tuple[Any, ...]:
    whole = np.asarray(indices)
    lead: tuple[Array, ...] = np.indices(whole.shape[:batch], sparse=True)
    rest = whole.ndim - 1 - batch
    batched = [part.reshape(part.shape + (1,) * rest) for part in lead]
    columns = [wrapped(whole[..., k], x.shape[batch + k], validate) for k in range(whole.shape[-1])]
    return (*batched, *columns)
