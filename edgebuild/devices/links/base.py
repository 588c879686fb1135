"""The base of the ways to reach a device, and the one contract with it: a job in JSON goes in, raw results come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Protocol

from edgebuild.core.dossier import Call
from edgebuild.core.records import Record


class JobModel(Record):
    """One model of a job."""

    path: str
    call: Call


class Job(Record):
    """What a runner is asked."""

    what: Literal["predict", "answers", "time", "memory", "trace", "layers", "steps"]
    models: tuple[JobModel, ...]
    inputs: str
    """`inputs.npz`: one array for each model input, axis 0 the sample, no batch axis."""
    threads: int = 1
    parameters: dict[str, Any] = {}
    """`predict`: golden (how many raw samples to keep apart). `time`: rounds, runs, warmup_s, seed, anchor (index of
    the model measured twice as A/A control). `memory`: runs. `trace`: runs. `steps`: most (runs), seed."""


class Link(Protocol):
    """A way to reach a device."""

    def execute(self, job: Job, output: Path, timeout_s: float) -> dict[str, Any]:
        """Run the job in a process of its own and leave its raw results in the folder `output`.

        Returns:
            The content of `result.json`.

        Raises:
            Refused: the runtime declined the model, in its own words (exit status 3 of the runner).
            StepError: the runner died, by signal or time-out, with the end of its log.
        """
