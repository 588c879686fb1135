"""Digests of the user's files, each read once while it stays as it is."""

from __future__ import annotations

import time
from pathlib import Path

from edgebuild import reads
from edgebuild.engine.store.blobs import file_digest
from edgebuild.engine.store.rows import Rows

RACY_S = 2.0
"""A file changed less than this before it was read may change again with the same time stamps."""


class UserFiles:
    """Known by device, inode, size, mtime and ctime."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def digest(self, path: Path) -> str:
        """Digest of a user's file; read again only where device, inode, size, mtime or ctime changed.

        Raises:
            OSError: it cannot be read.
        """
        reads.probed(path)
        found = path.stat()
        row = self.rows.one(
            "SELECT size, mtime, ctime, digest FROM stats WHERE device = ? AND inode = ?",
            str(found.st_dev),
            str(found.st_ino),
        )
        stamp = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if row and row[:3] == stamp:
            return str(row[3])
        started = time.time()
        digest = file_digest(path)
        if started - max(found.st_mtime, found.st_ctime) > RACY_S:
            self.rows.run(
                "INSERT OR REPLACE INTO stats VALUES (?, ?, ?, ?, ?, ?)",
                str(found.st_dev),
                str(found.st_ino),
                *stamp,
                digest,
            )
        return digest
