"""Five steps for each spec of the benchmark: a → b → {c, d} → e, as small as steps can be."""

from __future__ import annotations

from pathlib import Path

from edgebuild.core.records import Here
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact


class Read(Step):
    """The user's source, by digest."""

    version = 1
    filename = "a.txt"
    inline = True
    path: Here
    digest: str
    parameter: int

    def run(self, work: Workspace) -> None:
        work.output.write_text(f"{self.parameter} {Path(self.path).read_text()}")


class Add(Step):
    """Inputs in a row, and a word of its own."""

    version = 1
    filename = "out.txt"
    inline = True
    word: str
    inputs: tuple[Artifact, ...]

    def run(self, work: Workspace) -> None:
        work.output.write_text("".join(work.path(item).read_text() for item in self.inputs) + self.word + "\n")
