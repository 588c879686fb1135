"""What it takes to run one step, and what can come of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from edgebuild.core.step import Step
from edgebuild.core.wires import Refusal, UserCode, user_code
from edgebuild.engine.keys import Parts, joined, refusal_digest
from edgebuild.engine.outcomes import Built, Declined, Failed


@dataclass(frozen=True)
class Given:
    """One input of a step that is about to run."""

    id: str
    member: str
    filename: str
    digest: str
    """Empty where there is a refusal."""
    refusal: Refusal | None = None

    @property
    def name(self) -> str:
        """As the reader's key holds it."""
        return refusal_digest(self.refusal) if self.refusal else self.digest


@dataclass(frozen=True)
class Order:
    """One step that is about to run."""

    step: Step
    label: str
    given: tuple[Given, ...]
    parts: Parts
    """Without the files seen, which are known only after it ran."""
    expected: str = ""
    """Digest of bytes that were lost, where the step runs to make them again."""
    fresh: bool = False
    """Whether the output replaces what is stored, and earlier runs are not looked at."""
    trial: bool = False
    """Whether the output is only compared, and nothing is stored."""
    noted: bool = True
    """Whether the run becomes part of the history of the step's name."""

    @cached_property
    def prekey(self) -> str:
        """The key, but for the files that user code is seen to read; `key_of(parts)`."""
        return joined(self.step.static, self.parts["tools"], self.parts["inputs"], self.parts.get("platform"))

    @cached_property
    def codes(self) -> tuple[UserCode, ...]:
        """Functions of the user's that it runs."""
        return tuple(user_code(self.step))


@dataclass(frozen=True)
class Lacking:
    """The step could not start: bytes of these steps are gone or damaged."""

    steps: frozenset[str]


@dataclass(frozen=True)
class Replaced:
    """Lost bytes of a step that is not deterministic were made anew, and are other bytes now."""

    built: Built


Answer = Built | Declined | Failed | Lacking | Replaced
