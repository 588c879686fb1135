"""Parts of tensors, and tensors from parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.windows import integers, padded

Array = np.ndarray


def slices(rank: int, begin: Any, end: Any, given: dict[str, Any]) -> tuple[Any, ...]:
    """Numpy's index of a MIL slice; a squeezed axis becomes one number."""
    strides = [1] * rank if given.get("stride") is None else integers(given["stride"])
    masks = {name: given.get(f"{name}_mask") for name in ("begin", "end", "squeeze")}

    def masked(name: str, axis: int) -> bool:
        mask = masks[name]
        return mask is not None and bool(np.atleast_1d(mask)[axis])

    found: list[Any] = []
    for axis, (first, last) in enumerate(zip(integers(begin), integers(end), strict=True)):
        start = None if masked("begin", axis) else first
        if masked("squeeze", axis):
            found.append(start or 0)
            continue
        found.append(slice(start, None if masked("end", axis) else last, strides[axis]))
    return tuple(found)


def slice_by_index(x: Array, begin: Any, end: Any, **given: Any) -> Array:
    """x[begin:end:stride], masks for open ends and for axes to drop."""
    return np.asarray(x[slices(x.ndim, begin, end, given)])


def slice_update(x: Array, update: Array, begin: Any, end: Any, **given: Any) -> Array:
    """`x` with the part that `slice_by_index` would read replaced."""
    result = np.array(x)
    result[slices(x.ndim, begin, end, given)] = update
    return result


def slice_by_size(x: Array, begin: Any, size: Any) -> Array:
    """`size` elements from `begin` on, -1 for all the rest."""
    found = []
    for first, count, whole in zip(integers(begin), integers(size), x.shape, strict=True):
        start = first + whole if first < 0 else first
        found.append(slice(start, None if count == -1 else start + count))
    return x[tuple(found)]


def pad(x: Array, pad: Any, mode: str = "constant", constant_val: Any = 0.0) -> Array:
    """Elements before and after the last axes: a constant, the edge, or the inside mirrored at the edge."""
    amounts = integers(pad)
    around = list(zip(amounts[0::2], amounts[1::2], strict=True))
    if str(mode) == "constant":
        return padded(x, around, constant_val)
    whole = [(0, 0)] * (x.ndim - len(around)) + around
    return np.pad(x, whole, "edge" if str(mode) == "replicate" else "reflect")


def concat(values: list[Array], axis: Any, interleave: Any = False) -> Array:
    """One after the other along an axis, or one element of each in turn."""
    parts = [np.atleast_1d(value) for value in values]
    if not interleave:
        return np.concatenate(parts, axis=int(axis))
    along = int(axis) % parts[0].ndim
    shape = list(parts[0].shape)
    shape[along] *= len(parts)
    return np.stack(parts, axis=along + 1).reshape(shape)


def stack(values: list[Array], axis: Any) -> Array:
    """Along a new axis."""
    return np.stack(values, axis=int(axis))


def split(x: Array, axis: Any, num_splits: Any = None, split_sizes: Any = None) -> tuple[Array, ...]:
    """Parts of given sizes, or so many alike."""
    if split_sizes is None:
        return tuple(np.split(x, int(num_splits), axis=int(axis)))
    return tuple(np.split(x, np.cumsum(integers(split_sizes))[:-1], axis=int(axis)))


def crop(x: Array, crop_height: Any, crop_width: Any) -> Array:
    """The last two axes without their margins."""
    (top, bottom), (left, right) = integers(crop_height), integers(crop_width)
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


def tile(x: Array, reps: Any) -> Array:
    """`x` repeated along each axis."""
    return np.tile(x, integers(reps))


def sliding_windows(x: Array, axis: Any, size: Any, stride: Any = 1) -> Array:
    """All windows along an axis, their elements on a new axis behind it."""
    along = int(axis) % x.ndim
    views = np.lib.stride_tricks.sliding_window_view(x, int(size), axis=along)
    views = views[(*(slice(None),) * along, slice(None, None, int(stride)))]
    return np.moveaxis(views, -1, along + 1)
