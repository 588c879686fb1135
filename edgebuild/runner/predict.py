"""`predict`: a model's outputs on every sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.runner import arrays
from edgebuild.runner.arrays import Arrays
from edgebuild.runner.feeds import Feeds
from edgebuild.runner.job import Job, JobError, Model, declining
from edgebuild.runner.sequence import Sequences


def run(job: Job, output: Path) -> dict[str, Any]:
    """Write `outputs.npz` (all samples) and `golden.npz` (the first few); both native type, axis 0 the sample.

    Float outputs whose shapes differ between samples are padded with NaN at the end of each axis; `padded` names them.
    Of samples that are sequences axis 1 is the step, and golden are the first steps of the first sample as single runs,
    states included: `golden-inputs.npz` holds what they were fed.
    """
    model = job.only_model()
    samples = arrays.load(job.inputs)
    golden = int(job.number("golden", 3))
    if model.loop is None:
        outputs, padded = outputs_of(model, samples)
        arrays.save(output / "golden.npz", {name: value[:golden] for name, value in outputs.items()})
    else:
        first: list[tuple[Arrays, Arrays]] = []
        outputs, padded = _stepwise(model, Sequences(model.open(), model.loop, samples), first, golden)
        _save_steps(first, output)
    arrays.save(output / "outputs.npz", outputs)
    count = len(next(iter(samples.values())))
    return {"versions": model.versions(), "samples": count, "padded": padded}


def outputs_of(model: Model, samples: Arrays) -> tuple[Arrays, list[str]]:
    """Outputs of a model on all samples, and which of them are padded.

    Raises:
        Declined: the runtime does not take the model, or a sample.
    """
    session = model.open()
    if model.loop is not None:
        return _stepwise(model, Sequences(session, model.loop, samples), [])
    feeds = Feeds(session.inputs, samples)
    found: list[Arrays] = []
    for index in range(feeds.count):
        feed = feeds.feed(index)
        with declining(model, f"on sample {index}: "):
            found.append(feeds.unbatched(session.run(feed)))
    return _stacked(found, [item["name"] for item in session.outputs])


def _stepwise(
    model: Model, sequences: Sequences, first: list[tuple[Arrays, Arrays]], golden: int = 0
) -> tuple[Arrays, list[str]]:
    """The same of samples that are sequences: axis 1 is the step, and no output is a state's.

    Args:
        model: the sequences' own.
        sequences: the samples.
        first: gets what the first steps of the first sample were fed, and said.
        golden: how many of them.
    """
    found: list[Arrays] = []
    for index in range(sequences.count):
        steps = []
        with declining(model, f"on sample {index}: "):
            for fed, said, own in sequences.walk(index):
                first += [(fed, said)] if len(first) < golden and not index else []
                steps.append(own)
        found.append(_stacked(steps, list(steps[0]))[0])
    return _stacked(found, list(found[0]))


def _save_steps(first: list[tuple[Arrays, Arrays]], output: Path) -> None:
    for side, file in enumerate(("golden-inputs.npz", "golden.npz")):
        rows = [pair[side] for pair in first]
        arrays.save(output / file, {name: np.stack([row[name] for row in rows]) for name in rows[0]} if rows else {})


def _stacked(found: list[Arrays], names: list[str]) -> tuple[Arrays, list[str]]:
    stacked, padded = {}, []
    for name in names:
        parts = [item[name] for item in found]
        if len({part.shape for part in parts}) > 1:
            parts = _padded(name, parts)
            padded.append(name)
        stacked[name] = np.stack(parts)
    return stacked, padded


def _padded(name: str, parts: list[np.ndarray]) -> list[np.ndarray]:
    """Arrays of one rank brought to one shape."""
    first = parts[0]
    if first.dtype.kind != "f" or len({part.ndim for part in parts}) > 1:
        raise JobError(
            f"output `{name}` has other shapes for other samples, and {first.dtype} has no NaN to pad with; "
            "fix the model's shapes, or give sequences one length."
        )
    shape = tuple(max(sizes) for sizes in zip(*(part.shape for part in parts), strict=True))
    full = [np.full(shape, np.nan, first.dtype) for _ in parts]
    for target, part in zip(full, parts, strict=True):
        target[tuple(slice(size) for size in part.shape)] = part
    return full
