"""Stores behind a store: read-only, looked up after it, never written."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from edgebuild.engine.store.blobs import Blobs
from edgebuild.engine.store.schema import SCHEMA
from edgebuild.errors import Problem, StepError

SEAL = "edgebuild store seal"


class Layer:
    """One sealed store, shared by whoever can read it; needs no right to write, and none to lock."""

    def __init__(self, root: Path) -> None:
        """Open it.

        Raises:
            StepError: there is none, it was not sealed, or another edgebuild wrote it.
        """
        self.root, self.blobs = root, Blobs(root / "blobs")
        table, pending = root / "rows.sqlite", root / "rows.sqlite-wal"
        if not table.is_file():
            raise StepError(Problem(str(root), "holds no store.", "Correct EDGEBUILD_STORE_LAYERS."))
        if pending.exists() and pending.stat().st_size:
            fix = f"Run `{SEAL} --store {root}` where it can be written."
            raise StepError(Problem(str(root), "is a store in use, not a sealed one.", fix))
        self._lock = threading.Lock()
        with self._explained():
            # Immutable: a table with a write-ahead log cannot even be read from a folder that cannot be written.
            self._db = sqlite3.connect(f"{table.as_uri()}?immutable=1", uri=True, check_same_thread=False)
            self._db.text_factory = partial(str, encoding="utf-8", errors="replace")
            found = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if found != SCHEMA:
            what = f"was written by another edgebuild (layout {found}, ours {SCHEMA})."
            raise StepError(Problem(str(root), what, "Build it again with this one."))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
        except sqlite3.DatabaseError as error:
            fix = "Build it again and seal it, or take it out of EDGEBUILD_STORE_LAYERS."
            raise StepError(Problem(str(self.root), f"cannot be read ({error}).", fix)) from error

    def all(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of an answer.

        Raises:
            StepError: the table is damaged.
        """
        with self._explained():
            return self._db.execute(statement, values).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()


def seal(root: Path) -> None:
    """Make a store readable where nobody can write: its table in one file, no log beside it.

    Raises:
        StepError: there is none, or it is in use.
    """
    table = root / "rows.sqlite"
    if not table.is_file():
        raise StepError(Problem(str(root), "holds no store.", "Name the folder of one with `--store`."))
    try:
        with sqlite3.connect(table, timeout=5) as db:
            mode = db.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        db.close()
    except sqlite3.DatabaseError as error:
        raise StepError(Problem(str(root), f"cannot be sealed ({error}).", "End the builds that use it.")) from error
    if mode != "delete":
        raise StepError(Problem(str(root), "is in use.", "End the builds that use it."))
