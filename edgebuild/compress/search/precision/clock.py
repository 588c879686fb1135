"""Speed of the models that a search tries, relative to the one it starts from, timed in one process on the target."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from edgebuild.core.dossier import Call
from edgebuild.core.graph import Clock
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.measure.contention import Process
from edgebuild.measure.effort import Effort, effort
from edgebuild.measure.session import PILOT, median_s

SECONDS = 1.5
"""Of runs in one process, where the models are fast enough to need no more."""
FINAL_S, FINAL_SEED = 4.0, 100
"""Of the run in which finalists are timed again beside each other."""
TRIES = 3
"""Processes, where others took the processor meanwhile."""


class TimeMixtures(Step):
    """Gain of each model over the first, from interleaved rounds of one process; guides a search, is no measurement.

    What a search keeps is measured anew, like every candidate. Writes
    `{"gains": [time of the first over its own, …], "contended": ""}`: the median over rounds of the ratio of the
    fastest runs in the round, 1 for the first, 0 for one that the runtime declines.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("numpy", "onnxruntime", "ai-edge-litert")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "gains.json"
    portable: ClassVar[bool] = False
    deterministic: ClassVar[bool] = False
    alone: ClassVar[bool] = True

    models: tuple[Artifact, ...]
    """The one in floating point first."""
    call: Call
    samples: Artifact
    """Inputs that are run in turn."""
    facts: Artifact
    """What the machine is; on another one these are other times."""
    threads: int = 1
    seed: int = 0
    seconds: float = SECONDS

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the runtime declines one of the models. StepError: it died."""
        times = self.take(work, PILOT, 0)[1]
        how = effort([*times, times[0]], self.seconds)
        for number in range(TRIES):
            gains, _, contended = self.take(work, how, number + 1)
            if not contended:
                break
        text = json.dumps({"gains": gains, "contended": contended}, indent=1)
        work.output.write_text(text + "\n", encoding="utf-8")

    def take(self, work: Workspace, how: Effort, number: int) -> tuple[list[float], list[float], str]:
        """Gains and median seconds of each model in one process, and what disturbed it."""
        import numpy as np

        from edgebuild.devices.links.base import Job, JobModel
        from edgebuild.devices.links.local import LocalLink

        job = Job(
            what="time",
            models=tuple(JobModel(path=str(work.path(model)), call=self.call) for model in self.models),
            inputs=str(work.path(self.samples) / "inputs.npz"),
            threads=self.threads,
            parameters={**how.parameters(), "seed": self.seed + number, "anchor": 0},
        )
        rows = range(len(self.models))
        output = work.scratch / f"run-{number}"
        result = LocalLink().execute(job, output, self.timeout_s)
        with np.load(output / "samples.npz") as archive:
            runs = [archive[str(row)].reshape(-1, archive[str(row)].shape[-1]) for row in rows]
        fastest = [item.min(axis=1) for item in runs]
        gains = [round(float(np.median(fastest[0] / item)), 4) for item in fastest]
        return gains, [median_s(item) for item in runs], Process.of(result, list(rows), self.seed).contended


def gains(
    work: Workspace, clock: Clock, call: Call, models: Sequence[Artifact], final: bool = False
) -> tuple[list[float], str]:
    """Time trials of a search.

    Args:
        work: runs the step.
        clock: the target's samples, facts and threads.
        call: how the target loads the models.
        models: the reference, then those to be timed.
        final: time for longer and in another order, as finalists are.

    Returns:
        Time of the reference over that of each other model, 0 for one that the runtime declines; what disturbed the
        run, or "".

    Raises:
        Refused: the runtime declines one of them.
        StepError: it died.
    """
    step = TimeMixtures(
        models=tuple(models),
        call=call,
        samples=clock.samples,
        facts=clock.facts,
        threads=clock.threads,
        seed=FINAL_SEED if final else 0,
        seconds=FINAL_S if final else SECONDS,
    )
    told = json.loads(work.run(step).read_text(encoding="utf-8"))
    return told["gains"][1:], told["contended"]
