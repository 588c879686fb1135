"""`memory`: what the process holds with the bare runtime, with the model loaded, and at its peak."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from edgebuild.runner import arrays, process
from edgebuild.runner.feeds import Feeds
from edgebuild.runner.job import Job, declining


def run(job: Job, output: Path) -> dict[str, Any]:  # noqa: ARG001 - the other kinds of job write files there
    """Resident bytes; `model_bytes` is what the peak adds to the runtime after its import.

    That includes pages of the runtime's own code that only a model makes it touch: a product pays for them too.
    """
    model = job.only_model()
    versions = model.versions()
    samples = arrays.first_rows(job.inputs, 1)
    gc.collect()
    runtime = process.resident_bytes()
    anew = process.forget_peak()
    session = model.open()
    loaded = process.resident_bytes()
    feed = Feeds(session.inputs, samples).feed(0)
    for _ in range(int(job.number("runs", 10, 1))):
        with declining(model):
            session.run(feed)
    peak = process.peak_bytes()
    return {
        "versions": versions,
        "runtime_bytes": runtime,
        "loaded_bytes": loaded,
        "peak_bytes": peak,
        "model_bytes": max(0, peak - runtime),
        "peak_anew": anew,
    }
