"""What tests share: a workspace for one step, over real files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.core.step import Observed, Step
from edgebuild.core.wires import Artifact, Attempt, Refusal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class Bench:
    """A real workspace over a folder: inputs by the identity in their wires, one output."""

    def __init__(self, folder: Path, **inputs: Path | Refusal) -> None:
        """Args: folder: for the output and scratch. inputs: what each `Artifact.id` stands for."""
        self.folder, self.inputs = folder, inputs
        self.output = folder / "out"
        self.scratch = folder / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.only_now = ""
        self.repeats = False
        self.observed = Observed()

    def run(self, step: Step) -> Path:
        """Run one step here and return what it wrote."""
        self.output = self.folder / (step.output_name() or "out")
        self.output.parent.mkdir(parents=True, exist_ok=True)
        step.run(self)
        assert self.output.exists(), f"{step.kind()} wrote nothing"
        return self.output

    def path(self, artifact: Artifact) -> Path:
        found = self.inputs[artifact.id]
        assert isinstance(found, Path)
        return found / artifact.member if artifact.member else found

    def attempt(self, attempt: Attempt) -> Path | Refusal:
        found = self.inputs[attempt.id]
        if isinstance(found, Refusal):
            return found
        return found / attempt.member if attempt.member else found

    def progress(self, done: int, total: int, what: str = "") -> None:
        assert 0 <= done <= total

    def says_nothing_new(self) -> None:
        self.repeats = True

    def for_this_build_only(self, why: str) -> None:
        self.only_now = why


def wire(name: str, member: str = "") -> Artifact:
    """A wire to an input of a `Bench`."""
    return Artifact(id=name, filename=(member or name).rsplit("/", 1)[-1], member=member)


@pytest.fixture(autouse=True)
def user_modules() -> Iterator[None]:
    """What a test loads of a user's is for a process of its own: here it goes, or the next test finds it."""
    yield
    usercode = sys.modules.get("edgebuild.data.usercode")
    for finder in [item for item in sys.meta_path if usercode and isinstance(item, usercode._UserFinder)]:
        finder.forget()  # type: ignore[attr-defined]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An empty workspace."""
    return Bench(tmp_path / "bench")
