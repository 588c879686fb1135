"""ONNX operators that bring channels together, or into another order."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from edgebuild.compress.prune import joins
from edgebuild.compress.prune.channels import Lanes, lanes
from edgebuild.compress.prune.onnx_graph import Number

if TYPE_CHECKING:
    from edgebuild.compress.prune.onnx_rules import At

APART = "joins channels along different axes"


def merged(at: At) -> Lanes:
    """Add, Mul and their like, of values and of stored arrays: channels at the same place go together."""
    given = list(at.given.values())
    if len(given) == 1:
        return with_stored(at)
    if len(given) != len(at.node.input) or any(len(item.shape) != len(at.shape) for item in given):
        return at.stays("joins values of different ranks")
    return joins.elementwise(at.network.channels, given, at.shape) or at.stays(APART)


def with_stored(at: At) -> Lanes:
    """A value and a stored array: one number for all, or one for each channel."""
    ((place, value),) = at.given.items()
    other = 1 - place
    stored = at.constant(other) if len(at.node.input) == 2 else None
    if stored is None or stored.ndim > len(at.shape) + 1 or value.shape != at.shape:
        return at.stays("joins it with something of another shape")
    if value.axis is None:
        return Lanes(value.numbers, at.shape)
    axis = value.axis - len(at.shape)
    if stored.ndim >= -axis and stored.shape[axis] != 1:
        own = {axis: ("along", value.numbers.reshape(-1))}
        at.network.site(at.name, at.place, 0, {other: ("stored", own)})  # type: ignore[dict-item]
    return Lanes(value.numbers, at.shape)


def joined(at: At) -> Lanes:
    """Concat: channels one after the other, or tied where it joins along another axis."""
    rank, given = len(at.shape), [at.given.get(number) for number in range(len(at.node.input))]
    axis = at.attribute("axis", 1) % (rank + 1) - 1
    whole = [item for item in given if item is not None and len(item.shape) == rank]
    if len(whole) != len(given) or axis < 0:
        return at.stays("joins values with stored ones")
    if all(item.axis in (None, axis) and item.shape[axis] is not None for item in whole):
        found = joins.concatenated(whole, axis, at.shape)
        if found is not None:
            return found
    return joins.tied(at.network.channels, whole, at.shape) or at.stays(APART)


def reshaped(at: At) -> Lanes:
    """Reshape, Flatten, Squeeze, Unsqueeze and Transpose: the same elements in another order."""
    whole, found = at.first.whole(), None
    turned = at.attribute("perm") if at.node.op_type == "Transpose" else None
    if at.node.op_type == "Transpose" and (turned is None or turned[0] != 0):
        return at.stays("turns the batch")
    # An open first axis may hide a batch that changed: then the elements of one sample are not as many.
    if whole is not None and None not in at.shape and whole.size == prod(int(size or 0) for size in at.shape):
        whole = whole.transpose([axis - 1 for axis in turned[1:]]) if turned else whole
        found = lanes(whole.reshape([int(size or 0) for size in at.shape]), at.shape)
    if found is None:
        return at.stays("reshapes channels together with places")
    if at.node.op_type == "Reshape" and found.axis is not None:
        sizes = at.constant(1)
        if sizes is None or len(sizes) != len(at.shape) + 1:
            return at.stays("has a shape that is computed")
        if sizes[found.axis + 1] > 0:
            at.network.numbers.append(Number(at.place, found.numbers.reshape(-1), 1, found.axis + 1))
    return found


def reduced(at: At) -> Lanes:
    """A mean, sum or maximum over places."""
    stored = at.constant(1)
    axes = at.attribute("axes") if stored is None else stored.tolist()
    rank = len(at.first.shape) + 1
    if not axes or any(axis % rank == 0 for axis in axes):
        return at.stays("reduces over the batch")
    gone = {axis % rank - 1 for axis in axes}
    if at.first.axis in gone:
        return at.stays("reduces over channels")
    numbers = at.first.numbers
    if not at.attribute("keepdims", 1):
        numbers = numbers.reshape([size for axis, size in enumerate(numbers.shape) if axis not in gone])
    return Lanes(numbers, at.shape)


def padded(at: At) -> Lanes:
    """Pad, of places."""
    pads, axis = at.constant(1), at.first.axis
    if pads is None or (len(at.node.input) > 3 and at.node.input[3]):
        return at.stays("is padded by what is computed")
    rank = len(pads) // 2
    if axis is not None and (pads[axis + 1] or pads[rank + axis + 1]):
        return at.stays("pads channels")
    return Lanes(at.first.numbers, at.shape)


def resized(at: At) -> Lanes:
    """Resize, of places."""
    axis, sizes = at.first.axis, at.constant(3)
    if axis is None:
        return Lanes(at.first.numbers, at.shape)
    if at.shape[axis] != at.first.shape[axis] or (sizes is None and at.constant(2) is None):
        return at.stays("resizes along its channels")
    if sizes is not None and len(sizes):
        at.network.numbers.append(Number(at.place, at.first.numbers.reshape(-1), 3, axis + 1))
    return Lanes(at.first.numbers, at.shape)
