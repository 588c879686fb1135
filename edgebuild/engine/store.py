"""The store: bytes by digest, and rows that say which key gave which bytes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.wires import Refusal
from edgebuild.engine.blobs import Blobs, file_digest
from edgebuild.engine.contents import Contents
from edgebuild.engine.outcomes import Built, Declined
from edgebuild.engine.rows import Rows
from edgebuild.errors import Problem, StepError

RACY_S = 2.0
"""A file changed less than this before it was read may change again with the same time stamps."""


def default_root() -> Path:
    """`$XDG_CACHE_HOME/edgebuild`, or `~/.cache/edgebuild`."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache.startswith("/") else Path.home() / ".cache") / "edgebuild"


@dataclass(frozen=True)
class Last:
    """What a step of that name was the last time, in one workspace."""

    key: str
    parts: dict[str, Any]
    digest: str
    size: int
    created: float


class Store(Contents):
    """One folder, shared by all specs of a user and by builds that run at once."""

    def __init__(self, root: Path | None = None) -> None:
        """Open, or make, a store.

        Raises:
            StepError: it cannot be written, or its table is damaged or too new.
        """
        self.root = (root or default_root()).absolute()
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in ("blobs", "scratch", "logs"):
                (self.root / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            what = f"The store cannot be written ({error.strerror})."
            raise StepError(Problem(str(self.root), what, "Give another with `--store`.")) from error
        super().__init__(Blobs(self.root / "blobs"), Rows(self.root / "rows.sqlite"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the table."""
        self.rows.close()

    # -- actions -------------------------------------------------------------------------------------------------

    def action(self, key: str) -> Built | Declined | None:
        """What that key gave, if it was ever run to its end."""
        row = self.rows.one("SELECT outcome, digest, size, refusal FROM actions WHERE key = ?", key)
        if row is None:
            return None
        if row[0] == "refused":
            return Declined(Refusal.model_validate_json(row[3]))
        return Built(row[1], row[2])

    def keep(
        self, key: str, outcome: Built | Declined, *, cost: float, step: str, replace: bool = False
    ) -> Built | Declined:
        """Store what a key gave, inside the caller's transaction; the first writer wins.

        Returns:
            What the store holds now, which the caller adopts.
        """
        built = outcome if isinstance(outcome, Built) else None
        refusal = outcome.refusal.model_dump_json() if isinstance(outcome, Declined) else ""
        self.rows.run(
            f"INSERT OR {'REPLACE' if replace else 'IGNORE'} INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            key,
            "built" if built else "refused",
            built.digest if built else "",
            built.size if built else 0,
            refusal,
            cost,
            time.time(),
            step,
        )
        return self.action(key) or outcome

    def cost(self, key: str) -> float | None:
        """Seconds the key's step took when it ran."""
        row = self.rows.one("SELECT cost FROM actions WHERE key = ?", key)
        return float(row[0]) if row else None

    def seen_sets(self, prekey: str) -> list[list[list[str]]]:
        """Sets of `[path, digest]` that user code under this key was seen to read, the newest first."""
        rows = self.rows.all("SELECT files FROM seen WHERE prekey = ? ORDER BY created DESC", prekey)
        return [json.loads(row[0]) for row in rows]

    def keep_seen(self, prekey: str, files: list[list[str]]) -> None:
        """Store one such set, inside the caller's transaction."""
        text = canonical_json(files)
        self.rows.run(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", prekey, digest_of(text), text.decode(), time.time()
        )

    # -- history -------------------------------------------------------------------------------------------------

    def last_keys(self, workspace: str) -> dict[str, str]:
        """Label to key, as of the last build of a workspace."""
        return dict(self.rows.all("SELECT label, key FROM history WHERE workspace = ? AND age = 0", workspace))

    def last(self, workspace: str, label: str, age: int = 0) -> Last | None:
        """What the step of that name is (age 0), and what it was before it became that (age 1).

        Args:
            workspace: name of the checkout; any, the newest first, where empty.
            label: name of the step.
            age: 0 or 1.
        """
        row = self.rows.one(
            "SELECT key, parts, digest, size, created FROM history "
            "WHERE label = ? AND age = ? AND (workspace = ? OR ? = '') ORDER BY created DESC LIMIT 1",
            label,
            age,
            workspace,
            workspace,
        )
        return Last(row[0], json.loads(row[1]), row[2], row[3], row[4]) if row else None

    def note(self, workspace: str, label: str, last: Last) -> None:
        """Remember what a step of that name is now, and what it was before; inside the caller's transaction."""
        known = self.rows.one(
            "SELECT key FROM history WHERE workspace = ? AND label = ? AND age = 0", workspace, label
        )  # fmt: skip
        if known and known[0] != last.key:
            self.rows.run("DELETE FROM history WHERE workspace = ? AND label = ? AND age = 1", workspace, label)
            self.rows.run("UPDATE history SET age = 1 WHERE workspace = ? AND label = ? AND age = 0", workspace, label)
        parts = canonical_json(last.parts).decode()
        self.rows.run(
            "INSERT OR REPLACE INTO history VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
            *(workspace, label, last.key, parts, last.digest, last.size, last.created),
        )

    # -- the user's files ----------------------------------------------------------------------------------------

    def digest_file(self, path: Path) -> str:
        """Digest of a user's file; read again only where device, inode, size, mtime or ctime changed.

        Raises:
            OSError: it cannot be read.
        """
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

    # -- scratch -------------------------------------------------------------------------------------------------

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A private folder on the store's file system for the life of one build; those of dead builds are removed."""
        self._reap()
        folder = self.root / "scratch" / uuid.uuid4().hex[:12]
        # Locked before the folder is there: whoever reaps sees folders, and then finds the lock taken.
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                folder.mkdir()
                yield folder
            finally:
                remove_folder(folder)
                folder.with_suffix(".lock").unlink(missing_ok=True)

    def _reap(self) -> None:
        for folder in (self.root / "scratch").iterdir():
            if folder.suffix == ".lock":
                continue
            try:
                with folder.with_suffix(".lock").open("r+") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove_folder(folder)
                    folder.with_suffix(".lock").unlink()
            except OSError:
                continue


def remove_folder(folder: Path) -> None:
    """Remove a folder of our scratch, whatever a step left in it."""
    shutil.rmtree(folder, ignore_errors=True)
