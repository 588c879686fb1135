"""What earlier timing runs already say: which models need not be measured again, and which only seem so."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edgebuild.core.step import Workspace
from edgebuild.measure.contention import DEAD_BAND

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.measure.time import TimeCandidates, TimingSession

LEVELS = (50.0, 90.0, 95.0, 99.0)
Subjects = dict[str, str]
"""Identity of a model, to its row in a run."""


class Found(NamedTuple):
    """One model in one earlier run."""

    run: Path
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
    runs: dict[Path, Subjects] = field(default_factory=dict)

    @classmethod
    def of(cls, step: TimeCandidates, work: Workspace, present: Sequence[int]) -> Known:
        """Look through the earlier runs that have the anchor in them."""
        ids = work.observed.subjects or tuple(str(row) for row in range(len(step.models)))
        known = cls(ids, tuple(present), ids[step.anchor] if ids else "", work.observed.times)
        if step.anchor not in present:
            return known
        for output in work.observed.earlier:
            for run, subjects in runs_of(output).items():
                if known.anchor in subjects:
                    known.runs[run] = subjects
                    for row in present:
                        if ids[row] in subjects:
                            known.found.setdefault(ids[row], Found(run, subjects[ids[row]]))
        known.prefer_one()
        return known

    def prefer_one(self) -> None:
        """Where one run has all, it is taken alone: nothing needs to be merged."""
        wanted = {self.ids[row] for row in self.present}
        for run, subjects in self.runs.items():
            if wanted <= set(subjects):
                self.found = {name: Found(run, subjects[name]) for name in wanted}
                return

    def nothing(self) -> Known:
        """The same question with no answers."""
        return Known(self.ids, self.present, self.anchor, self.times)

    def to_measure(self, step: TimeCandidates, work: Workspace) -> list[int]:
        """Indices of the models that a new run needs, those with equal bytes once; none where earlier ones have all."""
        once = {self.ids[row]: row for row in reversed(self.present)}
        every = sorted(once.values())
        if set(once) <= set(self.found):
            return [] if len({found.run for found in self.found.values()}) == 1 else every
        if self.anchor not in self.found:
            return every
        rows = [row for name, row in once.items() if self.needed(name, row, step, work)]
        # A run of nearly all costs as much as a run of all, which needs no merging.
        return every if len(rows) >= len(every) - 1 else sorted(rows)

    def needed(self, name: str, row: int, step: TimeCandidates, work: Workspace) -> bool:
        """Whether a model takes part in a new run.

        It is new, the anchor, what ships now, about as fast as the best so far, or near a limit.
        """
        if name not in self.found or name == self.anchor:
            return True
        if step.incumbent and digest_of(work.attempt(step.models[row].model)) == step.incumbent:
            return True
        best = min(self.ratio(other) for other in self.found)
        if self.ratio(name) <= best * (1 + DEAD_BAND):
            return True
        numbers = self.percentiles(name)
        return any(abs(number / limit - 1) <= 2 * DEAD_BAND for number in numbers for limit in step.limits if limit > 0)

    def ratio(self, name: str) -> float:
        """Of a model to the anchor, inside its run; infinite where it could not be run."""
        run, row = self.found[name]
        own = samples(run)
        reference = self.runs[run][self.anchor]
        return fastest(own[row]) / fastest(own[reference]) if row in own and reference in own else float("inf")

    def percentiles(self, name: str) -> list[float]:
        """Of a model in its run, in ms."""
        import numpy as np

        run, row = self.found[name]
        own = samples(run).get(row)
        return [] if own is None else [float(np.percentile(own, level)) / 1e6 for level in LEVELS]

    def kept(self, session: TimingSession | None) -> dict[str, Found]:
        """Models whose earlier numbers stay beside a new run."""
        new = {self.ids[row] for row in session.rows} if session else set()
        return {name: found for name, found in self.found.items() if name not in new}

    def agrees(self, session: TimingSession, step: TimeCandidates) -> bool:
        """Whether the machine of the new run is that of the runs whose numbers stay."""
        return all(self.spread(found.run, step, session) <= DEAD_BAND for found in set(self.kept(session).values()))

    def spread(self, run: Path, step: TimeCandidates, session: TimingSession | None) -> float:
        """How much the anchor moved since an earlier run, as a part of it; infinite where it cannot be told."""
        if session is None:
            return 0.0
        new, old = session.pooled(), samples(run)
        row = self.runs[run][self.anchor]
        if str(step.anchor) not in new or row not in old:
            return float("inf")
        return abs(fastest(old[row]) / fastest(new[str(step.anchor)]) - 1)

    def write(self, output: Path, step: TimeCandidates, work: Workspace, session: TimingSession | None) -> None:
        """The step's folder: the new run first, then those whose numbers stay."""
        output.mkdir(parents=True)
        runs: list[dict[str, Any]] = []
        place: dict[str, dict[str, str]] = {}
        if session:
            session.write(output / "0")
            place = {self.ids[row]: {"run": "0", "row": str(row)} for row in session.rows}
            runs.append({"subjects": {self.ids[row]: str(row) for row in session.rows}, "spread": 0.0})
        kept = self.kept(session)
        for run in dict.fromkeys(found.run for found in kept.values()):
            name = str(len(runs))
            shutil.copytree(run, output / name)
            runs.append({"subjects": self.runs[run], "spread": round(self.spread(run, step, session), 6)})
            place |= {other: {"run": name, "row": found.row} for other, found in kept.items() if found.run == run}
        index = {
            "anchor": self.anchor,
            "models": [place.get(name) for name in self.ids],
            "absent": absent(step, work),
            "runs": runs,
            "times": self.times + bool(session and session.valid),
        }
        (output / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def runs_of(output: Path) -> dict[Path, Subjects]:
    """The runs in an output of the step, the newest first."""
    index = json.loads((output / "index.json").read_text(encoding="utf-8"))
    return {output / str(number): run["subjects"] for number, run in enumerate(index["runs"])}


def samples(run: Path) -> dict[str, np.ndarray]:
    """int64 ns of shape (processes, rounds, runs) by row."""
    import numpy as np

    with np.load(run / "samples.npz") as archive:
        return {name: archive[name] for name in archive.files}


def fastest(own: np.ndarray) -> float:
    """Median over rounds of the fastest run, in ns: it repeats where medians of rounds do not."""
    import numpy as np

    return float(np.median(own.min(axis=2)))


def absent(step: TimeCandidates, work: Workspace) -> dict[str, str]:
    """Models that were never made, by index: who refused, and why."""
    found = {str(row): work.attempt(item.model) for row, item in enumerate(step.models)}
    return {row: f"{item.by}: {item.why}" for row, item in found.items() if not isinstance(item, Path)}


def digest_of(path: object) -> str:
    """`sha256:…` of a model that is one file."""
    if not isinstance(path, Path) or not path.is_file():
        return ""
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
