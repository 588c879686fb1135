"""Outputs of sequences, one for each step, as one for each sample."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgebuild.errors import DataError, Problem
from edgebuild.metrics.base import Metric, Samples

if TYPE_CHECKING:
    import numpy as np


def of_steps(metric: Metric, samples: Samples) -> Samples:
    """The samples with one step of each output that the metric judges, as its `step` says.

    Raises:
        DataError: an output has no axis of steps.
    """
    if metric.step is None:
        return samples
    wanted = [name for name in samples.outputs if metric.output in (None, name)]
    for name in wanted:
        if samples.outputs[name].ndim < 2:
            what = f"output `{name}` is one number for each sample, and `step: {metric.step}` chooses among steps."
            raise DataError(Problem(f"metric `{metric.metric}`", what, "Leave `step` out."))
    how = metric.step

    def chosen(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: reduced(array, how) if name in wanted else array for name, array in arrays.items()}

    return replace(samples, outputs=chosen(samples.outputs), reference=chosen(samples.reference))


def padding(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray | None:
    """Which steps are none, `(n, steps)`: at the end of a shorter sequence, NaN throughout in both; None for none.

    Args:
        ours: axis 0 the sample, axis 1 the step.
        theirs: the same of the reference.
    """
    import numpy as np

    if ours.ndim < 2 or ours.shape != theirs.shape or ours.dtype.kind != "f" or theirs.dtype.kind != "f":
        return None
    if not (np.isnan(ours[:, -1]).any() and np.isnan(theirs[:, -1]).any()):
        return None
    empty = (np.isnan(ours) & np.isnan(theirs)).reshape(*ours.shape[:2], -1).all(axis=2)
    last: np.ndarray = np.logical_and.accumulate(empty[:, ::-1], axis=1)[:, ::-1]
    # A sample without any number is no short sequence.
    return np.asarray(last & ~last.all(axis=1, keepdims=True))


def reduced(array: np.ndarray, how: str) -> np.ndarray:
    """One step for each sample: the last, or the mean or the largest of all; steps of NaN are none.

    Args:
        array: axis 0 the sample, axis 1 the step.
        how: `last`, `mean` or `max`.
    """
    import numpy as np

    if array.dtype.kind != "f":
        return np.asarray(array[:, -1] if how == "last" else array.max(axis=1) if how == "max" else array.mean(axis=1))
    there = ~np.isnan(array.reshape(*array.shape[:2], -1)).all(axis=2)
    if how == "last":
        last = array.shape[1] - 1 - there[:, ::-1].argmax(axis=1)
        return np.asarray(array[np.arange(len(array)), last])
    masked = np.ma.masked_invalid(array)
    found = masked.mean(axis=1) if how == "mean" else masked.max(axis=1)
    return np.asarray(found.filled(np.nan), array.dtype)
