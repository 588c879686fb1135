"""Digests of the user's files, each read once while it stays as it is."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

from edgebuild import reads
from edgebuild.engine.store.blobs import file_digest
from edgebuild.engine.store.checked import crc_of, seconds
from edgebuild.engine.store.rows import Rows

RACY_S = 2.0
"""A file changed less than this before it was read may change again with the same time stamps."""
USE_NOTED_S = 30 * 86400.0
"""So often, and no oftener, the use of a row is noted."""
KEPT_S = 90 * 86400.0
"""What was not asked for so long is forgotten."""
KNOWN = "SELECT size, mtime, ctime, digest, crc, used FROM stats WHERE device = ? AND inode = ?"
KEEP = "INSERT OR REPLACE INTO stats VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


class UserFiles:
    """Known by device, inode, size, mtime and ctime."""

    def __init__(self, rows: Rows, *, distrust: bool = False) -> None:
        """Remember digests.

        Args:
            rows: where.
            distrust: whether what is known from before counts for nothing: each file is read anew, once in this process
                while it stays as it is. For disks and tools that change bytes and leave all time stamps as they were.
        """
        self.rows, self._distrust = rows, distrust
        self._read: set[tuple[str, str]] = set()
        """Device and inode of what this process has read itself."""
        self._used: set[tuple[str, str]] = set()
        """Of what was asked for, and must not be forgotten."""

    def digest(self, path: Path | str) -> str:
        """Digest of a user's file; read again only where device, inode, size, mtime or ctime changed.

        Raises:
            OSError: it cannot be read.
        """
        reads.looked_at(path)
        found = os.stat(path)  # noqa: PTH116 - thousands of them, as text
        file = (str(found.st_dev), str(found.st_ino))
        stamp = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        started = time.time()
        row = self.rows.one(KNOWN, *file)
        known = row and row[:3] == stamp and row[4] == crc_of(*file, *row[:4])
        if row and known and (not self._distrust or file in self._read):
            if not started - USE_NOTED_S < seconds(row[5], math.inf) <= started:
                self._used.add(file)
            return str(row[3])
        digest = file_digest(Path(path))
        if started - max(found.st_mtime, found.st_ctime) > RACY_S:
            self._read.add(file)
            crc = crc_of(*file, *stamp, digest)
            self.rows.run(KEEP, *file, *stamp, digest, crc, started)
        elif row:
            self.rows.run("DELETE FROM stats WHERE device = ? AND inode = ?", *file)
        return digest

    def note_use(self) -> None:
        """Keep what was asked for from being forgotten; inside the caller's transaction."""
        now = time.time()
        self.rows.run_many(
            "UPDATE stats SET used = ? WHERE device = ? AND inode = ?", [(now, *file) for file in self._used]
        )
        self._used.clear()

    def forget(self) -> None:
        """What was not asked for in a long time, or at a time that was none; inside the caller's transaction."""
        self.rows.run("DELETE FROM stats WHERE NOT used BETWEEN ? AND ?", time.time() - KEPT_S, time.time())

    @property
    def in_use(self) -> bool:
        """Whether there is something for `note_use`."""
        return bool(self._used)
