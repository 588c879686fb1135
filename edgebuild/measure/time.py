"""Time the candidates of a target beside each other, and distrust the result."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from edgebuild.core.dossier import Call
from edgebuild.core.records import OutsideKey, Record
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, Attempt
from edgebuild.measure.known import Known
from edgebuild.measure.session import TimingSession


class Timed(Record):
    """One model of a timing run."""

    model: Attempt
    call: Call


class TimeCandidates(Step):
    """Raw latencies of all candidates of one target, taken in shuffled, interleaved rounds by several fresh processes.

    Inside each process every round runs all models in a new order, and the anchor a second time from a session of its
    own (the A/A control). Differences between processes and between runs of the whole are larger than those inside one
    (3 % between processes against 0.2 % inside one, on a two-core virtual machine), so candidates are compared inside
    rounds only.

    A process that had to share its processor is run again, up to `tries` times as many processes as are wanted; where
    too few clean ones come about the run is marked invalid and holds for this build only. So does one in which a model
    took its process down, which may be chance; the numbers of the others count. Neither is tried again at once: for a
    while the same answer is given.

    Models that were measured before under the same condition are measured again only where they could be confused with
    a new one (see `known.py`).

    Writes a folder: `index.json`, `since` (see `runs.py`), and for each run that counts a folder with `samples.npz`
    (int64 ns of shape (processes, rounds, runs) for each row that could be run, and for `control`) and `result.json`.
    """

    version: ClassVar[int] = 4
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "timing"
    portable: ClassVar[bool] = False
    deterministic: ClassVar[bool] = False
    alone: ClassVar[bool] = True

    subjects: ClassVar[str] = "models"

    models: tuple[Timed, ...]
    samples: Artifact
    """Inputs that are run in turn (see `inputs.py`)."""
    facts: Artifact
    """What the machine is; on another one this is another measurement."""
    anchor: int = 0
    """Index of the model that ratios refer to."""
    threads: int = 1
    processes: int = 3
    seconds: float = 6.0
    """Time for the runs themselves, over all processes, where the models are fast enough to need no more."""
    tries: int = 3
    seed: int = 0
    limits: Annotated[tuple[float, ...], OutsideKey()] = ()
    """Latencies in ms that somebody will hold the numbers against; a model near one is not taken from an older run."""
    incumbents: Annotated[tuple[str, ...], OutsideKey()] = ()
    """Digests of the models that ship now; they are measured beside every new one."""
    max_age_s: Annotated[float | None, OutsideKey()] = None

    def max_age(self) -> float | None:
        """As the spec's `evidence.max_age` says."""
        return self.max_age_s

    def merged(self, other: TimeCandidates) -> TimeCandidates:
        """Young enough for both, near the limits of both, beside what ships of both."""
        ages = [age for age in (self.max_age_s, other.max_age_s) if age is not None]
        return self.model_copy(
            update={
                "max_age_s": min(ages, default=None),
                "limits": tuple(sorted({*self.limits, *other.limits})),
                "incumbents": tuple(sorted({*self.incumbents, *other.incumbents})),
            }
        )

    def run(self, work: Workspace) -> None:
        """Raises: StepError: a runner died that had run before."""
        present = [row for row, item in enumerate(self.models) if isinstance(work.attempt(item.model), Path)]
        known = Known.of(self, work, present)
        rows = known.to_measure(self, work)
        late = known.put_off() if rows or not present else None
        if late is not None:
            shutil.copytree(late.path, work.output)
            work.for_this_build_only(late.due)
            return
        session = self.session(work, rows) if rows or not present else None
        if session and not known.agrees(session):
            # The machine is not what it was: numbers of two days are no comparison.
            known = known.nothing()
            session = self.session(work, known.to_measure(self, work))
        known.write(work.output, self, work, session)
        if session is None:
            work.says_nothing_new()
        elif session.due:
            work.for_this_build_only(session.due)

    def session(self, work: Workspace, rows: Sequence[int]) -> TimingSession:
        """Measure some of the models beside each other."""
        session = TimingSession(self, work, rows)
        session.pilot()
        session.measure()
        return session
