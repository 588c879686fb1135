"""The same elements in another shape or order."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.windows import integers, padded

Array = np.ndarray


def reshape(x: Array, shape: Any) -> Array:
    """-1 is what remains; 0 keeps the size of the axis at the same distance from the last one."""
    wanted, have = integers(shape), np.shape(x)
    behind = range(len(wanted), 0, -1)
    kept = [have[-b] if b <= len(have) else 1 for b in behind]
    return np.reshape(x, [keep if size == 0 else size for size, keep in zip(wanted, kept, strict=True)])


def reshape_like(x: Array, ref_tensors: list[Array], begins: Any, ends: Any, end_masks: Any) -> Array:
    """To parts of other tensors' shapes, one after the other."""
    shape: list[int] = []
    for other, begin, end, mask in zip(ref_tensors, begins, ends, end_masks, strict=True):
        shape += other.shape[int(begin) : None if mask else int(end)]
    return x.reshape(shape)


def expand_dims(x: Array, axes: Any) -> Array:
    """New axes of length 1."""
    return np.expand_dims(x, tuple(integers(axes)))


def squeeze(x: Array, axes: Any = None) -> Array:
    """Without axes of length 1; a named axis of another length stays."""
    if axes is None:
        return np.squeeze(x)
    named = {axis % x.ndim for axis in integers(axes)}
    return np.squeeze(x, axis=tuple(axis for axis in named if x.shape[axis] == 1))


def transpose(x: Array, perm: Any) -> Array:
    """Axes in another order, copied: the operators behind read contiguous memory many times."""
    return np.ascontiguousarray(np.transpose(x, integers(perm))) if np.ndim(x) else x


def flatten2d(x: Array, axis: Any = 1) -> Array:
    """Axes before `axis` as rows, the others as columns."""
    lead = x.shape[: int(axis)]
    return x.reshape(int(np.prod(lead)), -1)


def shape(x: Array) -> Array:
    """Sizes of the axes."""
    return np.array(np.shape(x), np.int32)


def reverse(x: Array, axes: Any = None) -> Array:
    """Elements in the opposite order."""
    return np.flip(x, axis=None if axes is None else tuple(integers(axes)))


def reverse_sequence(x: Array, lengths: Array, seq_axis: Any = 0, batch_axis: Any = 0) -> Array:
    """The first `lengths[i]` elements of row i in the opposite order."""
    rows = np.moveaxis(x, (int(batch_axis), int(seq_axis)), (0, 1))
    result = np.array(rows)
    for row, length in enumerate(integers(lengths)):
        result[row, :length] = rows[row, :length][::-1]
    return np.moveaxis(result, (0, 1), (int(batch_axis), int(seq_axis)))


def depth_to_space(x: Array, block_size: Any) -> Array:
    """Channels to places, the block's place being the slower part of the channel (TensorFlow's order)."""
    (n, c, h, w), b = x.shape, int(block_size)
    parts = x.reshape(n, b, b, c // (b * b), h, w).transpose(0, 3, 4, 1, 5, 2)
    return parts.reshape(n, c // (b * b), h * b, w * b)


def space_to_depth(x: Array, block_size: Any) -> Array:
    """The inverse of `depth_to_space`."""
    (n, c, h, w), b = x.shape, int(block_size)
    parts = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
    return parts.reshape(n, c * b * b, h // b, w // b)


def pixel_shuffle(x: Array, upscale_factor: Any) -> Array:
    """Channels to places, the block's place being the faster part of the channel (torch's order)."""
    (n, c, h, w), f = x.shape, int(upscale_factor)
    parts = x.reshape(n, c // (f * f), f, f, h, w).transpose(0, 1, 4, 2, 5, 3)
    return parts.reshape(n, c // (f * f), h * f, w * f)


def pixel_unshuffle(x: Array, downscale_factor: Any) -> Array:
    """The inverse of `pixel_shuffle`."""
    (n, c, h, w), f = x.shape, int(downscale_factor)
    parts = x.reshape(n, c, h // f, f, w // f, f).transpose(0, 1, 3, 5, 2, 4)
    return parts.reshape(n, c * f * f, h // f, w // f)


def space_to_batch(x: Array, block_shape: Any, paddings: Any) -> Array:
    """Places to samples."""
    (top, left), around = integers(block_shape), [tuple(integers(pair)) for pair in np.asarray(paddings)]
    wide = padded(x, [(before, after) for before, after in around])
    n, c, h, w = wide.shape
    parts = wide.reshape(n, c, h // top, top, w // left, left).transpose(3, 5, 0, 1, 2, 4)
    return parts.reshape(n * top * left, c, h // top, w // left)


def batch_to_space(x: Array, block_shape: Any, crops: Any) -> Array:
    """Samples to places."""
    (top, left), ((up, down), (before, after)) = integers(block_shape), np.asarray(crops).tolist()
    n, c, h, w = x.shape
    parts = x.reshape(top, left, n // (top * left), c, h, w).transpose(2, 3, 4, 0, 5, 1)
    whole = parts.reshape(n // (top * left), c, h * top, w * left)
    return whole[:, :, up : h * top - down, before : w * left - after]
