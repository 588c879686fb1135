"""What a build of one spec gives, as plain data: all that delivery needs of a plan, and what a remembered one keeps."""

from __future__ import annotations

from pathlib import Path

from edgebuild.core.records import Record
from edgebuild.core.wires import Artifact


class TargetOutputs(Record):
    """Wires to what is delivered of one target."""

    name: str
    here: bool
    """Whether its device can be reached."""
    dossier: Artifact
    package: Artifact
    archive: Artifact


class SpecOutputs(Record):
    """Wires to what is delivered of one spec."""

    file: str
    name: str
    targets: tuple[TargetOutputs, ...]
    """Those that were asked for."""
    report: Artifact | None
    """None where no target of the spec was asked for."""
    sources: tuple[str, ...]
    """The spec's file and those that it extends."""
    known_targets: tuple[str, ...]
    known_candidates: tuple[str, ...]

    @property
    def lock(self) -> Path:
        """`deployment.edge.lock` beside `deployment.edge.yaml`."""
        return Path(self.file).with_suffix(".lock")

    @property
    def folder(self) -> Path:
        """`build/<name>` beside the spec."""
        return Path(self.file).parent / "build" / self.name
