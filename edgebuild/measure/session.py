"""One timing run: which models take part, how long, and which of its processes count."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.core.step import Workspace
from edgebuild.core.wires import Refusal
from edgebuild.errors import Refused, StepError
from edgebuild.measure.contention import Process, control_ratio, odd_control
from edgebuild.measure.effort import Effort, effort

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.measure.time import TimeCandidates

PILOT = Effort(rounds=1, runs=5, warmup_s=0.05)
"""Says what each model takes, and which ones do not load."""


@dataclass(frozen=True)
class Taken:
    """What one process brought."""

    samples: dict[str, np.ndarray]
    """int64 ns of shape (rounds, runs), by index in the step's models or `control`."""
    process: Process


class TimingSession:
    """One run of the step: which models take part, how long, and which processes count."""

    def __init__(self, step: TimeCandidates, work: Workspace, rows: Sequence[int]) -> None:
        """Args: step: what to time. work: where. rows: indices of the models that take part."""
        self.step, self.work, self.rows = step, work, tuple(rows)
        self.inputs = work.path(step.samples) / "inputs.npz"
        found = {row: work.attempt(step.models[row].model) for row in rows}
        self.paths = {row: path for row, path in found.items() if isinstance(path, Path)}
        self.refused: dict[int, Refusal] = {}
        self.effort = PILOT
        self.counted: list[Taken] = []
        self.valid, self.why = True, ""
        self.died: dict[int, str] = {}
        """Models that took their process down, and how."""
        self.began = round(time.time(), 3)
        self.versions: dict[str, str] = {}
        self.conditions: dict[str, Any] = {}

    @property
    def anchor(self) -> int:
        """The model that is run twice: the step's anchor, or the first that can be run."""
        return self.step.anchor if self.step.anchor in self.paths else next(iter(self.paths), self.step.anchor)

    @property
    def due(self) -> str:
        """Why it is to be taken again; "" where it counts for every model."""
        deaths = [f"A model could not be timed: {why}" for _, why in sorted(self.died.items())]
        return " ".join(filter(None, (self.why, *deaths)))

    def pilot(self) -> None:
        """Drop the models that the runtime does not load, and find out how long the others take."""
        together = self.attempt_together()
        alone = [self.attempt_alone(row) for row in list(self.paths)] if together is None else []
        medians: dict[str, float] = {}
        for item in filter(None, [*(together or ()), *alone]):
            medians |= {name: median_s(array) for name, array in item.samples.items() if name != "control"}
        if medians:
            times = [*medians.values(), medians[str(self.anchor)]]
            self.effort = effort(times, self.step.seconds / self.step.processes)

    def attempt_together(self) -> list[Taken] | None:
        """One process with every model, or None where one of them ends it."""
        try:
            return [self.take(list(self.paths), PILOT, self.step.seed)] if self.paths else []
        except (Refused, StepError):
            return None

    def attempt_alone(self, row: int) -> Taken | None:
        """One process with one model; where that ends it, the model takes no part."""
        try:
            return self.take([row], PILOT, self.step.seed)
        except Refused as refused:
            self.refused[row] = Refusal(kind=refused.kind, by=refused.by, why=refused.why)
        except StepError as died:
            # A kill is no property of the model: the next build may well time it.
            self.refused[row] = Refusal(kind="failed", by="runner", why=died.problems[0].what)
            self.died[row] = died.problems[0].what.partition("\n")[0]
        del self.paths[row]
        return None

    def measure(self) -> None:
        """Run processes until enough of them count, or the tries are used up."""
        from edgebuild.devices.conditions import conditions

        self.conditions["before"] = conditions()
        wanted, rows = self.step.processes, list(self.paths)
        clean: list[Taken] = []
        dirty: list[Taken] = []
        for number in range(wanted * self.step.tries if rows else 0):
            taken = self.take(rows, self.effort, self.step.seed + 1 + number)
            if taken.process.contended:
                dirty.append(taken)
                # Whatever took the processor may be short: a moment costs less than another process.
                time.sleep(min(2.0, 0.25 * len(dirty)))
            else:
                clean.append(taken)
            self.work.progress(min(len(clean), wanted), wanted, "clean processes")
            if len(clean) == wanted:
                odd = odd_control([item.samples for item in clean], str(self.anchor))
                if not odd:
                    break
                dirty += [replace(item, process=replace(item.process, contended=odd)) for item in clean]
                clean = []
        self.conditions["after"] = conditions()
        self.settle(clean, dirty)

    def settle(self, clean: list[Taken], dirty: list[Taken]) -> None:
        """Keep the processes that count; where they are too few, the least disturbed, and say so."""
        wanted = self.step.processes
        if not self.paths:
            self.valid, self.why = False, "no candidate could be run."
            return
        self.counted = clean[:wanted]
        if len(self.counted) < wanted:
            rest = sorted(dirty, key=lambda item: -item.process.share)
            self.counted += rest[: wanted - len(self.counted)]
            runs = len(clean) + len(dirty)
            self.valid = False
            self.why = (
                f"{len(dirty)} of {runs} processes were disturbed; even the least of them: {rest[0].process.contended}."
            )

    def take(self, rows: Sequence[int], how: Effort, seed: int) -> Taken:
        """One fresh process over some of the models."""
        import numpy as np

        from edgebuild.devices.links.base import Job, JobModel
        from edgebuild.devices.links.local import LocalLink

        anchor = rows.index(self.anchor) if self.anchor in rows else 0
        job = Job(
            what="time",
            models=tuple(JobModel(path=str(self.paths[row]), call=self.step.models[row].call) for row in rows),
            inputs=str(self.inputs),
            threads=self.step.threads,
            parameters={**how.parameters(), "seed": seed, "anchor": anchor},
        )
        output = self.work.scratch / f"run-{seed}-{'-'.join(map(str, rows))}-{how.rounds}"
        result = LocalLink().execute(job, output, timeout_s=self.step.timeout_s)
        self.versions |= result.get("versions", {})
        with np.load(output / "samples.npz") as archive:
            arrays = {name: archive[name] for name in archive.files}
        samples = {named(name, rows): array.reshape(-1, array.shape[-1]) for name, array in arrays.items()}
        return Taken(samples, Process.of(result, rows, seed))

    def pooled(self) -> dict[str, np.ndarray]:
        """Samples of all processes that count: int64 ns of shape (processes, rounds, runs) by row."""
        import numpy as np

        names = self.counted[0].samples if self.counted else {}
        return {name: np.stack([item.samples[name] for item in self.counted]) for name in names}

    def write(self, output: Path) -> None:
        """Raw samples and what the run was like."""
        import numpy as np

        output.mkdir(parents=True)
        np.savez(output / "samples.npz", **self.pooled())  # type: ignore[arg-type]  # numpy types `allow_pickle` into all
        result = {
            "what": "time",
            "valid": self.valid,
            "why": self.why,
            "anchor": self.anchor,
            "refused": {str(row): item.model_dump() for row, item in sorted(self.refused.items())},
            "processes": [item.process.record() for item in self.counted],
            "control": control_ratio([item.samples for item in self.counted], str(self.anchor)),
            "threads": self.step.threads,
            "effort": self.effort.parameters(),
            "conditions": self.conditions,
            "versions": self.versions,
        }
        text = json.dumps(result, indent=1, sort_keys=True)
        (output / "result.json").write_text(text + "\n", encoding="utf-8")


def named(name: str, rows: Sequence[int]) -> str:
    """A job's index of a model as the step's index."""
    return name if name == "control" else str(rows[int(name)])


def median_s(samples: np.ndarray) -> float:
    """Seconds of one run."""
    import numpy as np

    return float(np.median(samples)) / 1e9
