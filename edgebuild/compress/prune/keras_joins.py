"""Layers of Keras that store nothing and bring channels together, or into another order."""

from __future__ import annotations

from edgebuild.compress.prune import joins
from edgebuild.compress.prune.channels import Lanes, fixed, lanes
from edgebuild.compress.prune.keras_met import Met, known_as

APART = "joins channels along different axes"


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
    return joins.elementwise(met.network.channels, met.given, met.shape) or met.stays(APART)


def joined(met: Met) -> Lanes:
    """Concatenate: channels one after the other, or tied where it joins along another axis."""
    axis = met.layer.axis - 1 if met.layer.axis > 0 else len(met.shape) + met.layer.axis
    if any(item.axis not in (None, axis) for item in met.given):
        return joins.tied(met.network.channels, met.given, met.shape) or met.stays(APART)
    if any(item.shape[axis] is None for item in met.given):
        return met.stays("joins values of open size")
    found = joins.concatenated(met.given, axis, met.shape)
    assert found is not None, "channels lie along one axis alone"
    return found
