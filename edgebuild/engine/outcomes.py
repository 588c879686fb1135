"""What became of a step in one build."""

from __future__ import annotations

from dataclasses import dataclass

from edgebuild.core.wires import Refusal
from edgebuild.errors import Problem


@dataclass(frozen=True)
class Built:
    """Bytes with a name."""

    digest: str
    """`sha256:…` of a file, `tree:…` of a folder's manifest."""
    size: int
    """Bytes in all files together."""
    only_now: str = ""
    """Why the output is a value of this build alone; empty where it is stored."""
    repeats: bool = False
    """Whether it holds numbers of earlier runs alone and is no run of its own."""


@dataclass(frozen=True)
class Declined:
    """A refusal: the step's own, or the one it inherited through an `Artifact`."""

    refusal: Refusal
    inherited: bool = False
    only_now: str = ""
    """Why it is a value of this build alone; empty where it is stored."""


@dataclass(frozen=True)
class Failed:
    """The step ended for a reason that is no property of it; never stored."""

    step_id: str
    label: str
    problems: tuple[Problem, ...]
    exit_code: int
    """2 the user's data or code · 4 a tool is missing · 5 signal, time-out, memory, disk · 70 our bug."""
    passes: bool = False
    """A crash: readers of an `Attempt` see it as a refusal of kind "failed" and go on."""
    kind: str = ""
    """Class of the step, the name a refusal gives (labels are in no key)."""
    details: str = ""
    """A traceback, or the end of the step's log; for the person who mends it."""
    stops: bool = False
    """Nothing more should be started (the disk is full)."""

    def as_refusal(self) -> Refusal:
        """What a reader of an `Attempt` sees."""
        return Refusal(kind="failed", by=self.kind, why="; ".join(problem.what for problem in self.problems))


@dataclass(frozen=True)
class Unmet:
    """Not started: steps it reads have failed."""

    because: tuple[str, ...]
    """Identities of the failed steps, the first causes only."""


Outcome = Built | Declined | Failed | Unmet


def refusal_of(outcome: Outcome) -> Refusal | None:
    """The refusal a reader meets, or None where there are bytes or nothing at all."""
    if isinstance(outcome, Declined):
        return outcome.refusal
    if isinstance(outcome, Failed) and outcome.passes:
        return outcome.as_refusal()
    return None
