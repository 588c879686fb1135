"""What of the samples a metric is about: its slice, its output, its labels, its classes."""

from __future__ import annotations

from math import isnan, nan
from typing import TYPE_CHECKING

from edgebuild.errors import DataError, Problem, did_you_mean
from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.steps import of_steps, padding

if TYPE_CHECKING:
    import numpy as np


def wrong(metric: Metric, what: str, fix: str) -> DataError:
    """The one form of a metric's complaint."""
    return DataError(Problem(f"metric `{metric.metric}`", what, fix))


def sliced(metric: Metric, samples: Samples) -> Samples:
    """The samples whose tags have the values of `where`, with the steps of sequences that `step` says.

    Raises:
        DataError: no sample has such a tag, or none has that value; an output has no steps.
    """
    import numpy as np

    samples = of_steps(metric, samples)
    if not metric.where:
        return samples
    rows = np.ones(len(samples), bool)
    for tag, value in metric.where.items():
        if tag not in samples.tags:
            near = did_you_mean(tag, list(samples.tags)) or "."
            known = ", ".join(samples.tags) or "none"
            raise wrong(metric, f"no sample has a tag `{tag}`{near}", f"Tags of the samples: {known}.")
        rows &= np.array([item == value for item in samples.tags[tag]], bool)
    if not rows.any():
        words = ", ".join(f"{tag}: {value}" for tag, value in metric.where.items())
        raise wrong(metric, f"no sample has {words}.", "Correct `where`, or give the split more samples.")
    return samples.take(np.flatnonzero(rows))


def output_name(metric: Metric, samples: Samples) -> str:
    """The output it judges: the one it names, or the only one.

    Raises:
        DataError: there is none of that name, or several to choose from.
    """
    known = list(samples.outputs)
    listed = ", ".join(f"`{name}`" for name in known)
    if metric.output is not None and metric.output not in known:
        near = did_you_mean(metric.output, known) or "."
        raise wrong(metric, f"the model has no output `{metric.output}`{near}", f"Its outputs: {listed}.")
    if metric.output is None and len(known) != 1:
        raise wrong(metric, f"the model has {len(known)} outputs: {listed}.", "Say which with `output: …`.")
    return metric.output or known[0]


def compared(metric: Metric, samples: Samples) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each output it judges, all where it names none, beside the reference's; float64, `(n, values)`.

    Steps beyond the end of a shorter sequence are 0 in both.

    Raises:
        DataError: there is none of that name, or an output cannot be compared number by number.
    """
    import numpy as np

    names = list(samples.outputs) if metric.output is None else [output_name(metric, samples)]
    pairs = {}
    for name in names:
        ours, theirs = samples.outputs[name], samples.reference.get(name)
        if theirs is None or ours.shape != theirs.shape or ours.dtype.kind not in "biuf":
            found = "has none" if theirs is None else f"has shape {theirs.shape}"
            what = f"output `{name}` has shape {ours.shape} and type {ours.dtype}, the reference {found}."
            raise wrong(metric, what, "Compare an output of numbers of one shape: `output: …`.")
        flat, none = (len(ours), -1), padding(ours, theirs)
        if none is not None:
            wide = none.reshape(*none.shape, *[1] * (ours.ndim - 2))
            ours, theirs = (np.where(wide, 0, array) for array in (ours, theirs))
        pairs[name] = ours.reshape(flat).astype(np.float64), theirs.reshape(flat).astype(np.float64)
    return pairs


def labels(metric: Metric, samples: Samples) -> np.ndarray:
    """The labels it is about.

    Raises:
        DataError: there are none, or no such key, or several to choose from.
    """
    known = list(samples.labels)
    if not known:
        fix = "Yield a `label` with each sample, or use sqnr, agreement or max_error, which need none."
        raise wrong(metric, "the samples have no labels.", fix)
    listed = ", ".join(f"`{name}`" for name in known if name)
    if metric.label is None:
        if len(known) > 1:
            raise wrong(metric, f"the label is a mapping of {listed}.", "Say which with `label: …`.")
        return samples.labels[known[0]]
    if metric.label not in known:
        near = did_you_mean(metric.label, known) or "."
        fix = f"Its keys: {listed}." if listed else "It is no mapping; leave `label` out."
        raise wrong(metric, f"the label has no key `{metric.label}`{near}", fix)
    return samples.labels[metric.label]


def classes(metric: Metric, samples: Samples) -> np.ndarray:
    """Labels as class numbers, `(n,)`.

    Raises:
        DataError: they are texts, fractions or arrays.
    """
    import numpy as np

    values = labels(metric, samples)
    flat = values.reshape(len(values)) if values.size == len(values) and values.dtype != object else values
    if flat.ndim != 1 or flat.dtype.kind not in "biuf" or (flat.dtype.kind == "f" and (flat % 1 != 0).any()):
        what = f"labels are {values.dtype} of shape {values.shape[1:]}, not class numbers."
        raise wrong(metric, what, "Yield a whole number from 0 for each sample.")
    return flat.astype(np.int64)


def scores(metric: Metric, samples: Samples) -> np.ndarray:
    """The output as one score for each class, `(n, classes)`; `(n, 1)` for a single score.

    Raises:
        DataError: the output has more axes than that.
    """
    name = output_name(metric, samples)
    array = samples.outputs[name]
    if array.dtype.kind not in "biuf":
        raise wrong(metric, f"output `{name}` is {array.dtype}, not numbers.", "Choose another with `output: …`.")
    wide = [size for size in array.shape[1:] if size != 1]
    if len(wide) > 1:
        what = f"output `{name}` has shape {array.shape[1:]}, not one score for each class."
        fix = "Choose another with `output: …`, reduce it with `decode`, or say which step of a sequence: `step: last`."
        raise wrong(metric, what, fix)
    return array.reshape(len(array), -1)


def predicted(metric: Metric, samples: Samples, threshold: float) -> np.ndarray:
    """Class numbers `(n,)`: the highest score, a single score against a threshold, or whole numbers as they are."""
    import numpy as np

    values = scores(metric, samples)
    if values.shape[1] > 1:
        return np.asarray(values.argmax(axis=1))
    found = values[:, 0] if values.dtype.kind in "iu" else values[:, 0] > threshold
    return found.astype(np.int64)


def numbers(metric: Metric, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Output and labels as float64 `(n, values)`.

    Raises:
        DataError: they differ in the number of values, or are no numbers.
    """
    import numpy as np

    name = output_name(metric, samples)
    ours, theirs = samples.outputs[name], labels(metric, samples)
    if theirs.dtype.kind not in "biuf" or ours.dtype.kind not in "biuf" or ours.size != theirs.size:
        what = (
            f"output `{name}` has shape {ours.shape[1:]} and type {ours.dtype}, "
            f"labels have shape {theirs.shape[1:]} and type {theirs.dtype}."
        )
        raise wrong(metric, what, "Choose others with `output: …` and `label: …`.")
    flat = (len(ours), -1)
    return ours.reshape(flat).astype(np.float64), theirs.reshape(flat).astype(np.float64)


def worst(values: dict[str, float], better: str) -> float:
    """The number of the output that does worst; NaN where that of one is."""
    if any(isnan(value) for value in values.values()):
        return nan
    return min(values.values()) if better == "higher" else max(values.values())
