"""Rows that a walk will ask for, read in one statement: ten thousand small ones take SQLite half a second."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from edgebuild.engine.store.rows import Rows

LAST = """
SELECT h.label, h.key, a.key, a.outcome, a.digest, a.size, a.refusal, a.crc, a.used, a.cost, a.pinned,
  b.digest, b.size, b.mtime, b.inode
FROM json_each(?) AS wanted
CROSS JOIN history AS h ON h.workspace = ? AND h.label = wanted.value AND h.age = 0
LEFT JOIN actions AS a ON a.key = h.key LEFT JOIN blobs AS b ON b.digest = a.digest
"""
"""`CROSS`: in this order, or SQLite reads the list anew for every row of the history."""


class Ahead:
    """What the steps of a workspace were the last time, which is what most of them are still.

    Each row answers once, as of the moment it was read; whoever asks again asks the table, since another build, or this
    one, may have changed it.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._actions: dict[str, tuple[Any, ...]] = {}
        self._blobs: dict[str, tuple[Any, ...]] = {}

    def read(self, workspace: str, labels: Iterable[str]) -> dict[str, str]:
        """Read for the steps of some names.

        Returns:
            Label to key, as of the last build of the workspace.
        """
        self._actions.clear()
        self._blobs.clear()
        keys = {}
        for row in self._rows.all(LAST, json.dumps(list(labels)), workspace):
            keys[row[0]] = row[1]
            if row[2] is not None:
                self._actions[row[1]] = row[2:11]
            if row[11] is not None:
                self._blobs[row[11]] = row[12:]
        return keys

    def action(self, key: str) -> tuple[Any, ...] | None:
        """A row of `checked.ACTION`, once."""
        return self._actions.pop(key, None)

    def blob(self, digest: str) -> tuple[Any, ...] | None:
        """Size, mtime and inode of a blob as it was published, once."""
        return self._blobs.pop(digest, None)
