"""Tiny steps for tests of the store: folders, what comes out differently, what grows old."""

from __future__ import annotations

import time

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact


class Stamps(Step):
    """A folder with one file that is another each time, and one in a folder that is not."""

    version = 1
    filename = "stamps"
    deterministic = False
    name: str

    def run(self, work: Workspace) -> None:
        (work.output / "inner").mkdir(parents=True)
        (work.output / "stamp.txt").write_text(str(time.time_ns()))
        (work.output / "inner" / "name.txt").write_text(self.name)


class Listing(Step):
    """All files of a folder, with what they hold."""

    version = 1
    filename = "listing.txt"
    folder: Artifact
    note: str = ""

    def run(self, work: Workspace) -> None:
        folder = work.path(self.folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        lines = [f"{path.relative_to(folder)}: {path.read_text()}\n" for path in files]
        work.output.write_text(self.note + "".join(lines))


class Aged(Step):
    """Counts for an hour."""

    version = 1
    filename = "aged.txt"
    deterministic = False

    def max_age(self) -> float | None:
        return 3600.0

    def run(self, work: Workspace) -> None:
        work.output.write_text(str(time.time_ns()))
