"""Samples that are sequences: arrays whose lengths differ along one axis, and their form once they fit the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgebuild.core.dossier import Tensor
from edgebuild.errors import Problem

if TYPE_CHECKING:
    import numpy as np

STEPS = "Steps lie along the axis that `steps` names, counted in a sample without batch axis."


def axis_of(name: str, given: int, steps: Mapping[str, int]) -> int | None:
    """Axis of a sample's array along which its steps lie; the only input of a sample may have any name."""
    if given == 1 and len(steps) == 1:
        return next(iter(steps.values()))
    return steps.get(name)


def but(shape: tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    """A shape without the axis of the steps."""
    return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])


def lengths_of(arrays: Mapping[str, np.ndarray], steps: Mapping[str, int]) -> set[int]:
    """Steps of each input of one sample: one number, or something is wrong."""
    axes = {name: axis_of(name, len(arrays), steps) for name in arrays}
    return {arrays[name].shape[axis] for name, axis in axes.items() if axis is not None and axis < arrays[name].ndim}


def stacked(rows: Sequence[np.ndarray], axis: int | None) -> np.ndarray:
    """The arrays as one, axis 0 the sample; shorter sequences end in zeros."""
    import numpy as np

    if axis is None or axis >= rows[0].ndim:
        return np.stack(list(rows))
    longest = max(row.shape[axis] for row in rows)
    shape = (*rows[0].shape[:axis], longest, *rows[0].shape[axis + 1 :])
    full = np.zeros((len(rows), *shape), rows[0].dtype)
    for target, row in zip(full, rows, strict=True):
        target[(*[slice(None)] * axis, slice(row.shape[axis]))] = row
    return full


def runs(array: np.ndarray, axis: int, longest: int | None) -> np.ndarray | None:
    """Samples with their steps along axis 1; None where they have no such axis.

    Args:
        array: axis 0 the sample.
        axis: of a sample.
        longest: steps that count at most.
    """
    import numpy as np

    if axis + 1 >= array.ndim:
        return None
    return np.ascontiguousarray(np.moveaxis(array, axis + 1, 1)[:, :longest])


def kept(moved: np.ndarray, tensor: Tensor, axis: int) -> np.ndarray | None:
    """Single steps with an axis of one step, as a model that takes pieces of a sequence has it; else None.

    Args:
        moved: axis 0 the step.
        tensor: the model's input, with its batch axis.
        axis: of a sample, where the steps lay.
    """
    import numpy as np

    if len(tensor.shape) != moved.ndim + 1 or axis + 1 >= len(tensor.shape):
        return None
    size = tensor.shape[axis + 1]
    return np.expand_dims(moved, axis + 1) if size == 1 or isinstance(size, str) or size < 0 else None


def uneven(steps: Mapping[str, int]) -> list[Problem]:
    """The problem of inputs that have other numbers of steps.

    Args:
        steps: how many, by input.
    """
    if len(set(steps.values())) < 2:
        return []
    told = ", ".join(f"`{name}` {count}" for name, count in steps.items())
    what = f"the inputs with steps have other numbers of them: {told}."
    return [Problem("inputs", what, "Each run of the model takes one step of every such input.")]


def no_axis(tensor: Tensor, axis: int, shape: tuple[int, ...]) -> Problem:
    """The problem of an axis that samples have not."""
    what = f"samples have shape ({', '.join(map(str, shape))}), and `steps: {axis}` names none of their axes."
    return Problem(f"input `{tensor.name}`", what, STEPS)
