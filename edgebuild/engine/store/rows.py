"""What is known, in SQLite: actions, folders, history, and the digests of the user's files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from edgebuild.engine.store.place import keep_private
from edgebuild.engine.store.schema import SCHEMA, STATEMENTS
from edgebuild.errors import Problem, StepError

PATIENCE_S = 30.0
"""How long another writer is waited for."""
SLICE_S = 0.25
"""At a time, since no interrupt is heard while SQLite waits."""


class DamagedError(StepError):
    """The table is no table any more."""


class NoRoomError(StepError):
    """The disk of the store is full."""


class Rows:
    """One connection, shared by the threads of a build; every change is a transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self.explained():
            keep_private(path)
            self._db = sqlite3.connect(path, timeout=SLICE_S, isolation_level=None, check_same_thread=False)
            # Damaged text is damaged data, found where it is held against its digest; it ends no query.
            self._db.text_factory = partial(str, encoding="utf-8", errors="replace")
            # NORMAL: after a power loss the last rows may be gone, and are made again; they are never half there.
            self._db.execute("PRAGMA synchronous=NORMAL")
            if not self._ready():
                with _alone(path):
                    self._prepare()

    def _ready(self) -> bool:
        if (self.one("PRAGMA user_version"), self.one("PRAGMA journal_mode")) != ((SCHEMA,), ("wal",)):
            return False
        if {text for (text,) in self.all("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")} != set(STATEMENTS):
            raise DamagedError(_damage(self.path, "its layout is not what was written"))
        return True

    def _prepare(self) -> None:
        # SQLite does not wait where two change the mode at once, it fails at once: hence the lock around this.
        self._db.execute("PRAGMA journal_mode=WAL")
        found = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if found == SCHEMA:
            return
        if found > SCHEMA:
            raise StepError(
                Problem(str(self.path), f"The store was written by a newer edgebuild (layout {found}, ours {SCHEMA}).",
                        "Upgrade edgebuild, or use another store with `--store`.")
            )  # fmt: skip
        with self.transaction():
            # What an older edgebuild knew has other keys: all of it would be made again anyway.
            for (name,) in self.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
                self._db.execute(f"DROP TABLE {name}")
            for statement in STATEMENTS:
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version={SCHEMA}")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what SQLite says into a problem with a fix.

        Raises:
            StepError: the disk is full, the store is read-only, or the file is damaged.
        """
        try:
            yield
        except UnicodeDecodeError as error:
            # SQLite quotes from the layout of a damaged table.
            raise DamagedError(_damage(self.path, "malformed")) from error
        except sqlite3.DatabaseError as error:
            vague = "I/O" in str(error) or "unable to open" in str(error)
            if "full" in str(error) or (vague and _no_room(self.path)):
                raise NoRoomError(disk_full(self.path.parent)) from error
            if not _damaged(error):
                raise StepError(_explain(self.path, error)) from error
            with contextlib.suppress(OSError):
                _mark(self.path).touch()
            raise DamagedError(_explain(self.path, error)) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, in one writer's turn."""
        with self._lock, self.explained():
            self._patiently("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def run(self, statement: str, *values: Any) -> None:
        """One change; inside `transaction` part of it."""
        with self._lock, self.explained():
            self._patiently(statement, values)

    def run_many(self, statement: str, values: Iterable[tuple[Any, ...]]) -> None:
        """The same change for many rows."""
        with self._lock, self.explained():
            self._db.executemany(statement, values)

    def one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of an answer."""
        with self._lock:
            try:
                found: tuple[Any, ...] | None = self._patiently(statement, values).fetchone()
            except (UnicodeDecodeError, sqlite3.DatabaseError):
                # Not around all of it: a walk over thousands of steps has no time for another context each.
                with self.explained():
                    raise
            return found

    def all(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of an answer."""
        with self._lock, self.explained():
            return self._patiently(statement, values).fetchall()

    def _patiently(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Execute it as soon as no other process writes."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._db.execute(statement, values)
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


def open_rows(path: Path) -> tuple[Rows, str]:
    """The table, made anew where it is damaged; then what to say of that.

    Raises:
        StepError: it cannot be written, or a newer edgebuild wrote it.
    """
    mark = _mark(path)
    with contextlib.suppress(DamagedError):
        if not mark.exists():
            return Rows(path), ""
    aside = f"{path.name}.damaged-{int(time.time())}"
    for ending in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).replace(path.with_name(aside + ending))
    rows = Rows(path)
    mark.unlink(missing_ok=True)
    return rows, f"The store's table was damaged and is set aside as {aside}; what it knew is found again step by step."


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold what only one process at a time holds, while a table is made or its layout changed."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _mark(path: Path) -> Path:
    """Left by whoever met damage in the middle of a table, which opening it does not show."""
    return path.with_name(f"{path.name}-damaged")


def _no_room(path: Path) -> bool:
    """Whether less is left than the table's shared memory grows by, or no names for its two other files.

    SQLite then speaks of an I/O error, or of a file that it cannot open.
    """
    found = os.statvfs(path.parent)
    return found.f_bavail * found.f_frsize < 1 << 18 or (found.f_files > 0 and found.f_favail < 2)


def _damaged(error: sqlite3.DatabaseError) -> bool:
    return any(words in str(error) for words in ("malformed", "not a database", "disk image"))


def _explain(path: Path, error: sqlite3.DatabaseError) -> Problem:
    words = str(error)
    if "readonly" in words or "unable to open" in words:
        return Problem(
            str(path), f"The store cannot be written ({words}).", "Give another with `--store`, or mend its rights."
        )
    if "locked" in words:
        return Problem(str(path), f"The store stayed locked for 30 s ({words}).", "Look for a hanging edgebuild.")
    return _damage(path, words)


def _damage(path: Path, words: str) -> Problem:
    return Problem(
        str(path),
        f"The store's table is damaged ({words}).",
        "Build again: the next build sets it aside, makes a new one, and uses the files that are there again.",
    )


def disk_full(root: Path, need: int = 0) -> Problem:
    """The store's disk has no room; `need` in bytes where it is known."""
    wanted = f" for {need / 1e6:.1f} MB more" if need else ""
    return Problem(
        str(root),
        f"The disk of the store has no room{wanted}.",
        "Free some space there, `edgebuild store gc` does, or give a store on another disk with `--store`.",
    )
