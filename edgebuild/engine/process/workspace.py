"""The workspace a step runs in: inputs under fixed names, one output, a private folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebuild.core.step import Observed, Step
from edgebuild.core.wires import Artifact, Attempt, Refusal
from edgebuild.errors import EdgebuildError, MissingToolError, Problem, Refused, Span, StepError, UserCodeError

Progress = Callable[[int, int, str], None]
ASK = -1
"""In the place of a total: the step asks for the request of that number to be run."""
ANSWER_POLL_S = 0.002
Inputs = dict[tuple[str, str], Path | Refusal]
"""Identity of the step and member, to the path in the scratch folder or why there is none."""


ENDS: dict[int, type[EdgebuildError]] = {2: UserCodeError, 4: MissingToolError}
"""Exit code of a trial that failed, to what the step that asked for it gets."""


@dataclass
class FolderWorkspace:
    """What `core.step.Workspace` promises, over a folder the engine made."""

    output: Path
    scratch: Path
    inputs: Inputs
    tell: Progress
    trials: Path | None = None
    """Where steps that the running one asks for are answered; None where it may not ask."""
    observed: Observed = field(default_factory=Observed)
    only_now: str = field(default="", init=False)
    _asked: int = field(default=0, init=False)
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

    def run(self, step: Step) -> Path:
        """Ask the engine for a step and wait for its output.

        Raises:
            Refused: the step declined.
            StepError: it failed.
            UserCodeError, MissingToolError: the user or the machine is at fault for that.
            RuntimeError: the running step runs in the engine itself.
        """
        if self.trials is None:
            raise RuntimeError("an inline step cannot run others")
        self._asked += 1
        self.trials.mkdir(exist_ok=True)
        request, answer = self.trials / f"{self._asked}.json", self.trials / f"{self._asked}.answer.json"
        request.write_text(json.dumps({"kind": step.kind(), "step": step.model_dump_json(serialize_as_any=True)}))
        self.tell(self._asked, ASK, "")
        while not answer.exists():
            time.sleep(ANSWER_POLL_S)
        said = json.loads(answer.read_text())
        if "refusal" in said:
            raise Refused(**said["refusal"])
        if "problems" in said:
            raise ENDS.get(said.get("exit_code", 5), StepError)(*(_problem(item) for item in said["problems"]))
        path = Path(said["path"])
        self.inputs[step.id, ""] = path
        return path

    def progress(self, done: int, total: int, what: str = "") -> None:
        """Pass on how far the step is."""
        self.tell(done, total, what)

    def says_nothing_new(self) -> None:
        """Keep the output out of the observations."""
        self.repeats = True

    def for_this_build_only(self, why: str) -> None:
        """Keep the output out of the rows."""
        self.only_now = why


def _problem(item: dict[str, Any]) -> Problem:
    span = Span(**item["span"]) if item["span"] else None
    return Problem(item["where"], item["what"], item["fix"], span)
