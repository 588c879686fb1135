"""What a build of one spec gives, as plain data: all that delivery needs of a plan, and what a remembered one keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgebuild.core.records import Record
from edgebuild.core.wires import Artifact
from edgebuild.deliver.provenance.records import Basis, lock_file


class TargetOutputs(Record):
    """Wires to what is delivered of one target."""

    name: str
    here: bool
    """Whether its device can be reached."""
    dossier: Artifact
    package: Artifact
    archive: Artifact
    basis: Basis = Basis()


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
    candidates: tuple[str, ...] = ()
    """Those that were asked for alone; all where empty."""
    locked: bool = False
    """Whether the lock's decisions stand."""
    measured: bool = True
    """Whether devices are measured."""

    @property
    def lock(self) -> Path:
        """`deployment.edge.lock` beside `deployment.edge.yaml`."""
        return lock_file(Path(self.file))

    @property
    def folder(self) -> Path:
        """`build/<name>` beside the spec; a folder of its own in there where some candidates alone were asked for."""
        return build_folder(self.file, self.name, self.candidates)


def build_folder(file: str, name: str, candidates: Sequence[str] = ()) -> Path:
    """Where a build writes.

    Args:
        file: of the spec.
        name: the spec's.
        candidates: those that were asked for alone; all where empty.
    """
    whole = Path(file).parent / "build" / name
    return whole / "only" / "+".join(sorted(candidates)) if candidates else whole
