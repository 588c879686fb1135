"""Layers of Keras that store nothing and bring channels together, or into another order."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.compress.prune.channels import Lanes, fixed, lanes
from edgebuild.compress.prune.keras_met import Met, known_as


def reshaped(met: Met) -> Lanes:
    """Flatten, Reshape and Permute: the same elements in another order."""
    (value,), kind = met.given, known_as(met.layer)
    if not value.numbers.any():
        return fixed(met.shape)
    whole, found = value.whole(), None
    if whole is not None and None not in met.shape:
        whole = whole.transpose([axis - 1 for axis in met.layer.dims]) if kind == "Permute" else whole
        found = lanes(whole.reshape([int(size or 0) for size in met.shape]), met.shape)
    if found is None:
        return met.stays("reshapes channels together with places")
    if kind == "Reshape" and found.axis is not None and met.layer.target_shape[found.axis] != -1:
        met.network.says(met.layer, "target_shape", found.numbers.reshape(-1), found.axis)
    return found


def merged(met: Met) -> Lanes:
    """Add, Multiply and their like: channels at the same place go together."""
    stored = len(met.given) == 1 and not any(isinstance(item, int | float) for item in met.arguments)
    if stored or any(len(item.shape) != len(met.shape) for item in met.given):
        return met.stays("joins values of different ranks, or a stored one")
    axes = {item.axis for item in met.given if item.axis is not None}
    if len(axes) > 1:
        return met.stays("joins channels along different axes")
    axis = next(iter(axes), None)
    spread = [item for item in met.given if axis is not None and item.axis is None and item.shape[axis] == 1]
    for item in spread:
        # A single channel meets many: it stays, and they need not.
        met.network.channels.stay(item.numbers)
    whole = [item for item in met.given if not any(item is one for one in spread)]
    for item in whole[1:]:
        met.network.channels.tie(whole[0].numbers, item.numbers)
    widest = max(whole, key=lambda item: item.numbers.size)
    return Lanes(widest.numbers, met.shape)


def joined(met: Met) -> Lanes:
    """Concatenate: channels one after the other, or tied where it joins along another axis."""
    import numpy as np

    axis = met.layer.axis - 1 if met.layer.axis > 0 else len(met.shape) + met.layer.axis
    if any(item.axis not in (None, axis) for item in met.given):
        return tied(met)
    if any(item.shape[axis] is None for item in met.given):
        return met.stays("joins values of open size")
    parts = [np.broadcast_to(item.numbers, sized(item, axis)) for item in met.given]
    found = lanes(np.concatenate(parts, axis), met.shape)
    assert found is not None, "channels lie along one axis alone"
    return found


def tied(met: Met) -> Lanes:
    """Values side by side along an axis that is not that of their channels: these are the same in all of them."""
    axes = {item.axis for item in met.given}
    if len(axes) != 1:
        return met.stays("joins channels along different axes")
    for item in met.given[1:]:
        met.network.channels.tie(met.given[0].numbers, item.numbers)
    return Lanes(met.given[0].numbers, met.shape)


def sized(item: Lanes, axis: int) -> Sequence[int]:
    """Shape of its numbers with one for each place along an axis."""
    return [int(item.shape[axis] or 1) if place == axis else size for place, size in enumerate(item.numbers.shape)]
