"""What earlier timing runs already say: which models need not be measured again, and which only seem so."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edgebuild.core.step import Workspace
from edgebuild.measure.contention import DEAD_BAND
from edgebuild.measure.runs import SINCE, Output, Run, fastest

if TYPE_CHECKING:
    from edgebuild.measure.session import TimingSession
    from edgebuild.measure.time import TimeCandidates

LEVELS = (50.0, 90.0, 95.0, 99.0)

BACK_OFF_S = 600.0
"""After a run that does not count: a machine that was busy a moment ago still is, and each try takes its time."""


class Found(NamedTuple):
    """One model in one earlier run."""

    run: Run
    row: str


@dataclass
class Known:
    """Earlier numbers of the models that are wanted now, by the identity of each.

    Runs of different days are compared by way of the anchor, which is part of every run; numbers of one are never set
    beside those of another where the anchor itself moved by more than the dead band.
    """

    ids: tuple[str, ...]
    """Of every wanted model."""
    present: tuple[int, ...]
    """Indices of those that exist."""
    anchor: str
    times: int = 0
    found: dict[str, Found] = field(default_factory=dict)
    """The newest run of each."""
    outputs: tuple[Output, ...] = ()
    """Earlier ones, those that do not count included, the newest first."""

    @classmethod
    def of(cls, step: TimeCandidates, work: Workspace, present: Sequence[int]) -> Known:
        """Look through the earlier runs that count, are young enough, and have the anchor in them."""
        ids = work.observed.subjects or tuple(str(row) for row in range(len(step.models)))
        outputs = tuple(map(Output.read, work.observed.earlier))
        known = cls(ids, tuple(present), ids[step.anchor] if ids else "", work.observed.times, outputs=outputs)
        if step.anchor not in present:
            return known
        oldest = time.time() - step.max_age_s if step.max_age_s is not None else 0.0
        runs = [run for output in outputs for run in output.runs if run.valid and run.taken > oldest]
        runs = [run for run in runs if known.anchor in run.subjects]
        wanted = {ids[row] for row in present}
        for run in runs:
            for name in wanted & set(run.subjects):
                known.found.setdefault(name, Found(run, run.subjects[name]))
        # Where one run has all, it is taken alone: nothing needs to be merged.
        whole = next((run for run in runs if wanted <= set(run.subjects)), None)
        if whole is not None:
            known.found = {name: Found(whole, whole.subjects[name]) for name in wanted}
        return known

    def nothing(self) -> Known:
        """The same question with no answers."""
        return Known(self.ids, self.present, self.anchor, self.times)

    def put_off(self) -> Output | None:
        """An answer to this very question that does not count, and was taken too short a time ago to be taken again."""
        for output in self.outputs:
            if output.due and output.wanted == self.ids and output.runs[0].taken > time.time() - BACK_OFF_S:
                return output
        return None

    def to_measure(self, step: TimeCandidates, work: Workspace) -> list[int]:
        """Indices of the models that a new run needs, those with equal bytes once; none where earlier ones have all."""
        once = {self.ids[row]: row for row in reversed(self.present)}
        every = sorted(once.values())
        needed = {name: row for name, row in once.items() if self.needed(name, row, step, work)}
        if set(once) <= set(self.found):
            if any(self.spread(run, None) > DEAD_BAND for run in self.runs_of(self.found)):
                return every
            newest = self.newest()
            if newest is None or all(self.found[name].run.taken == newest.taken for name in needed):
                return []
        if self.anchor not in self.found:
            return every
        # A run of nearly all costs as much as a run of all, which needs no merging.
        return every if len(needed) >= len(every) - 1 else sorted(needed.values())

    def needed(self, name: str, row: int, step: TimeCandidates, work: Workspace) -> bool:
        """Whether a model takes part in a new run.

        It is new, the anchor, what ships now, about as fast as the best so far, or near a limit.
        """
        if name not in self.found or name == self.anchor:
            return True
        if step.incumbents and digest_of(work.attempt(step.models[row].model)) in step.incumbents:
            return True
        best = min(self.ratio(other) for other in self.found)
        if self.ratio(name) <= best * (1 + DEAD_BAND):
            return True
        numbers = self.percentiles(name)
        return any(abs(number / limit - 1) <= 2 * DEAD_BAND for number in numbers for limit in step.limits if limit > 0)

    def ratio(self, name: str) -> float:
        """Of a model to the anchor, inside its run; infinite where it could not be run."""
        run = self.found[name].run
        own, reference = run.pace(name), run.pace(self.anchor)
        return own / reference if own is not None and reference is not None else float("inf")

    def percentiles(self, name: str) -> list[float]:
        """Of a model in its run, in ms."""
        import numpy as np

        found = self.found[name]
        own = found.run.samples.get(found.row)
        return [] if own is None else [float(np.percentile(own, level)) / 1e6 for level in LEVELS]

    def runs_of(self, found: dict[str, Found]) -> list[Run]:
        """The runs behind some numbers, each once: several outputs may hold the same."""
        return list({item.run.taken: item.run for item in found.values()}.values())

    def newest(self) -> Run | None:
        """The newest run that some number comes from."""
        return max(self.runs_of(self.found), key=lambda run: run.taken, default=None)

    def kept(self, session: TimingSession | None) -> dict[str, Found]:
        """Models whose earlier numbers stay beside a new run."""
        new = {self.ids[row] for row in session.rows} if session else set[str]()
        return {name: found for name, found in self.found.items() if name not in new}

    def agrees(self, session: TimingSession) -> bool:
        """Whether the machine of the new run is that of the runs whose numbers stay."""
        return all(self.spread(run, session) <= DEAD_BAND for run in self.runs_of(self.kept(session)))

    def spread(self, run: Run, session: TimingSession | None) -> float:
        """How much the anchor moved between a run and the newest one, as a part of it; infinite where none tells."""
        if session is None:
            newest = self.newest()
            new = newest.pace(self.anchor) if newest is not None else None
        else:
            own = session.pooled().get(str(session.step.anchor))
            new = None if own is None else fastest(own)
        old = run.pace(self.anchor)
        return abs(old / new - 1) if old is not None and new is not None else float("inf")

    def write(self, output: Path, step: TimeCandidates, work: Workspace, session: TimingSession | None) -> None:
        """The step's folder: the new run first, then those whose numbers stay, the newest first."""
        output.mkdir(parents=True)
        runs: list[dict[str, Any]] = []
        place: dict[str, dict[str, str]] = {}
        if session:
            session.write(output / "0")
            place = {self.ids[row]: {"run": "0", "row": str(row)} for row in session.rows}
            counted = {self.ids[row]: str(row) for row in session.rows if row not in session.died}
            runs.append(entry(counted, 0.0, session.began, session.valid))
        kept = self.kept(session)
        for run in sorted(self.runs_of(kept), key=lambda run: -run.taken):
            name = str(len(runs))
            shutil.copytree(run.path, output / name)
            runs.append(entry(run.subjects, round(self.spread(run, session), 6), run.taken, run.valid))
            same = {other: found for other, found in kept.items() if found.run.taken == run.taken}
            place |= {other: {"run": name, "row": found.row} for other, found in same.items()}
        index = {
            "anchor": self.anchor,
            "wanted": self.ids,
            "models": [place.get(name) for name in self.ids],
            "absent": absent(step, work),
            "runs": runs,
            "times": self.times + bool(session and session.valid),
            "due": session.due if session else "",
        }
        (output / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        write_since(output, [run["taken"] for run in runs])


def entry(subjects: dict[str, str], spread: float, taken: float, valid: bool) -> dict[str, Any]:
    """A run as the index has it."""
    return {"subjects": subjects, "spread": spread, "taken": taken, "valid": valid}


def write_since(output: Path, taken: Collection[float]) -> None:
    """When the oldest run was taken: the output is as old as that, whenever it was put together."""
    (output / SINCE).write_text(f"{min(taken, default=time.time()):.3f}\n", encoding="ascii")


def absent(step: TimeCandidates, work: Workspace) -> dict[str, str]:
    """Models that were never made, by index: who refused, and why."""
    found = {str(row): work.attempt(item.model) for row, item in enumerate(step.models)}
    return {row: f"{item.by}: {item.why}" for row, item in found.items() if not isinstance(item, Path)}


def digest_of(path: object) -> str:
    """`sha256:…` of a model that is one file."""
    if not isinstance(path, Path) or not path.is_file():
        return ""
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
