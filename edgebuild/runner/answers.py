"""`answers`: the outputs of several models on the same samples, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.runner import arrays, predict
from edgebuild.runner.job import Declined, Job


def run(job: Job, output: Path) -> dict[str, Any]:
    """Write `<index>.npz` for each model: its outputs, native type, axis 0 the sample.

    A model that its runtime declines has none; `declined` holds the runtime's words by index.
    """
    declined: dict[str, str] = {}
    samples = arrays.load(job.inputs)
    for model in job.models:
        try:
            outputs, _ = predict.outputs_of(model, samples)
        except Declined as words:
            declined[str(model.index)] = f"{words.by}: {words.why}"
        else:
            arrays.save(output / f"{model.index}.npz", outputs)
    return {"versions": job.versions(), "declined": declined}
