"""Stored numbers by channel: the magnitude of each channel in a tensor, and the tensor with its channels rescaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Side(NamedTuple):
    """Where the channels of one activation lie in a stored tensor."""

    name: str
    """Of the initializer."""
    axis: int
    groups: int = 1
    """Of a convolution, where `axis` is 1: the axis then counts the channels of one group."""
    free: bool = False
    """Each channel has a quantization scale of its own there, or none is quantized: rescaling costs nothing."""


def by_channel(array: np.ndarray, side: Side) -> np.ndarray:
    """The tensor as (channels, others, everything else); `others` are the channels of the tensor's other side."""
    import numpy as np

    if side.groups > 1:
        split = array.reshape(side.groups, array.shape[0] // side.groups, array.shape[1], -1)
        moved = split.transpose(0, 2, 1, 3)
        return moved.reshape(side.groups * array.shape[1], -1, split.shape[-1])
    moved = np.moveaxis(array, side.axis, 0)
    return moved.reshape(moved.shape[0], moved.shape[1] if moved.ndim > 1 else 1, -1)


def magnitudes(array: np.ndarray, side: Side, channels: int) -> np.ndarray:
    """Largest magnitude of each channel, float64 (channels,).

    A flattened image has several numbers in a row for each channel.
    """
    import numpy as np

    found = np.abs(by_channel(array, side)).max(axis=(1, 2), initial=0.0).astype(np.float64)
    largest: np.ndarray = found.reshape(channels, -1).max(axis=1)
    return largest


def relative(array: np.ndarray, side: Side, channels: int) -> np.ndarray:
    """As `magnitudes`, each output channel in parts of its own largest weight, as it is quantized per channel."""
    import numpy as np

    found = np.abs(by_channel(array, side)).max(axis=2, initial=0.0).astype(np.float64)
    if side.groups == 1:
        found = found / np.maximum(found.max(axis=0), 1e-30)
    largest: np.ndarray = found.max(axis=1).reshape(channels, -1).max(axis=1)
    return largest


def scaled(array: np.ndarray, side: Side, factors: np.ndarray) -> np.ndarray:
    """The tensor with each channel multiplied by its factor, in its own type."""
    import numpy as np

    if side.groups > 1:
        split = array.reshape(side.groups, array.shape[0] // side.groups, array.shape[1], -1)
        grouped: np.ndarray = split * factors.reshape(side.groups, 1, array.shape[1], 1)
        return grouped.reshape(array.shape).astype(array.dtype)
    count = array.shape[side.axis]
    shape = tuple(count if axis == side.axis % array.ndim else 1 for axis in range(array.ndim))
    found: np.ndarray = array * np.repeat(factors, count // len(factors)).reshape(shape)
    return found.astype(array.dtype)
