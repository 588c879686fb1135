"""`steps`: the single runs that samples consist of, each with the states that it is fed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.runner import arrays
from edgebuild.runner.job import Job, JobError, declining
from edgebuild.runner.sequence import Sequences


def run(job: Job, output: Path) -> dict[str, Any]:
    """Write `inputs.npz`: axis 0 the run, then each input as the model takes it, states included.

    At most `most` runs, drawn from all steps of all samples and left in the order of the draw: the first few are as
    mixed as all.
    """
    model = job.only_model()
    if model.loop is None:
        raise JobError("job: `steps` needs a model that is run step by step.")
    session = model.open()
    sequences = Sequences(session, model.loop, arrays.load(job.inputs))
    drawn = [(index, step) for index, length in enumerate(sequences.lengths) for step in range(length)]
    random.Random(int(job.number("seed", 0))).shuffle(drawn)  # noqa: S311 - an order of runs, no secret
    rows = {pair: row for row, pair in enumerate(drawn[: int(job.number("most", len(drawn), 1))])}
    kept: dict[str, np.ndarray] = {}
    for index in sorted({sample for sample, _ in rows}):
        with declining(model, f"on sample {index}: "):
            for step, (fed, _, _) in enumerate(sequences.walk(index)):
                row = rows.get((index, step))
                for name, value in fed.items() if row is not None else ():
                    kept.setdefault(name, np.zeros((len(rows), *value.shape), value.dtype))[row] = value
    arrays.save(output / "inputs.npz", kept)
    return {"versions": model.versions(), "samples": sequences.count, "runs": len(rows)}
