"""The workspace a step runs in: inputs under fixed names, one output, a private folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgebuild.core.step import Observed
from edgebuild.core.wires import Artifact, Attempt, Refusal

Progress = Callable[[int, int, str], None]
Inputs = dict[tuple[str, str], Path | Refusal]
"""Identity of the step and member, to the path in the scratch folder or why there is none."""


@dataclass
class FolderWorkspace:
    """What `core.step.Workspace` promises, over a folder the engine made."""

    output: Path
    scratch: Path
    inputs: Inputs
    tell: Progress
    observed: Observed = field(default_factory=Observed)
    only_now: str = field(default="", init=False)
    repeats: bool = field(default=False, init=False)

    def path(self, artifact: Artifact) -> Path:
        """A read-only file or folder of an input.

        Raises:
            KeyError: the step reads what it does not hold as a field.
        """
        found = self._find(artifact.id, artifact.member)
        if isinstance(found, Refusal):
            raise KeyError(f"{artifact.filename} was refused; read it through `attempt`")
        return found

    def attempt(self, attempt: Attempt) -> Path | Refusal:
        """An input, or why it was not made."""
        return self._find(attempt.id, attempt.member)

    def _find(self, step_id: str, member: str) -> Path | Refusal:
        """The wire itself, or the folder that holds the member."""
        rest: list[str] = []
        while True:
            found = self.inputs.get((step_id, member))
            if found is not None:
                return found.joinpath(*reversed(rest)) if isinstance(found, Path) else found
            if not member:
                raise KeyError(f"the step has no field that leads to {step_id}")
            member, _, last = member.rpartition("/")
            rest.append(last)

    def progress(self, done: int, total: int, what: str = "") -> None:
        """Pass on how far the step is."""
        self.tell(done, total, what)

    def says_nothing_new(self) -> None:
        """Keep the output out of the observations."""
        self.repeats = True

    def for_this_build_only(self, why: str) -> None:
        """Keep the output out of the rows."""
        self.only_now = why
