"""Where a store was built from: what the last builds there used is spared, and what the locks there pin."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgebuild.engine.store.checked import seconds
from edgebuild.engine.store.rows import Rows

DAY_S = 86400.0
CLOCK_S = 60.0
"""By how much two clocks may differ: a time further ahead was told by one that was wrong."""
WORKSPACE_DAYS = 90
"""A checkout that was not built for so long keeps nothing alive."""


@dataclass(frozen=True)
class Place:
    """A folder that was built from."""

    path: str
    seen: float
    """Seconds since 1970."""
    there: bool
    """Whether it is a folder still; one that is gone may have another name by now."""

    def holds(self, path: str) -> bool:
        """Whether another place lies in it."""
        return Path(path).is_relative_to(self.path)


class Checkouts:
    """Folders in which somebody built, and folders of the specs that were built there, which may lie elsewhere."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def due(self, workspace: str, folders: Iterable[str]) -> tuple[list[str], list[str]]:
        """Those of a workspace, none where empty, and of the folders of its specs that were not noted for a day."""
        now = time.time()
        recent = (now - DAY_S, now + CLOCK_S)
        known = {path for (path,) in self._rows.all("SELECT path FROM folders WHERE seen BETWEEN ? AND ?", *recent)}
        wanted = "SELECT path FROM workspaces WHERE path = ? AND seen BETWEEN ? AND ?"
        fresh = not workspace or self._rows.one(wanted, workspace, *recent)
        return [] if fresh else [workspace], sorted(set(folders) - known - {workspace})

    def note(self, workspaces: Iterable[str], folders: Iterable[str]) -> None:
        """Remember that they were built from now; inside the caller's transaction."""
        now = time.time()
        self._rows.run_many("INSERT OR REPLACE INTO workspaces VALUES (?, ?)", [(path, now) for path in workspaces])
        self._rows.run_many("INSERT OR REPLACE INTO folders VALUES (?, ?)", [(path, now) for path in folders])

    def workspaces(self) -> list[Place]:
        """Folders in which somebody built not too long ago."""
        return _places(self._rows.all("SELECT path, seen FROM workspaces ORDER BY path"))

    def folders(self) -> list[Place]:
        """Folders of specs that were built not too long ago; those that are built in are left out."""
        return _places(self._rows.all("SELECT path, seen FROM folders ORDER BY path"))

    def forget(self) -> None:
        """Those of long ago; inside the caller's transaction."""
        for kept, table in ((self.workspaces(), "workspaces"), (self.folders(), "folders")):
            known = {place.path for place in kept}
            gone = [row for row in self._rows.all(f"SELECT path FROM {table}") if row[0] not in known]  # noqa: S608
            self._rows.run_many(f"DELETE FROM {table} WHERE path = ?", gone)  # noqa: S608


def _places(rows: list[tuple[str, float]]) -> list[Place]:
    now = time.time()
    found = [Place(path, seconds(seen, now), Path(path).is_dir()) for path, seen in rows]
    return [place for place in found if place.seen >= now - WORKSPACE_DAYS * DAY_S]
