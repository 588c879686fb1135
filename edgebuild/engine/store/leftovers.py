"""What dead builds and time leave in a store: no row leads to it, and no build needs it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

from edgebuild.engine.store.checkouts import DAY_S
from edgebuild.engine.store.scratch import reap
from edgebuild.engine.store.store import Store

KEPT_DAYS = 30
"""Logs, stamps and damaged tables stay so long."""
ALIVE_S = 3600.0
"""What is younger and says nothing of whose it is may be in use, on another host too."""
ASIDE = re.compile(r"\.damaged-(\d+)")


def clear_leftovers(store: Store) -> int:
    """Remove it, while no build runs.

    Returns:
        How many logs went.
    """
    for path in list(store.blobs.strays()):
        _remove(path)
    _clear_scratch(store.root)
    for lease in (store.state / "leases").iterdir():
        _remove_unheld(lease)
    for table in store.state.glob("rows.sqlite.damaged-*"):
        found = ASIDE.search(table.name)
        if found and int(found[1]) < time.time() - KEPT_DAYS * DAY_S:
            _remove(table)
    _clear_old(store.root / "stamps")
    return _clear_old(store.root / "logs")


def _clear_scratch(root: Path) -> None:
    reap(root)
    for path in (root / "scratch").iterdir():
        if path.suffix == ".lock":
            if not path.with_suffix("").exists():
                _remove_unheld(path)
        elif not path.with_suffix(".lock").exists() and _older(path, ALIVE_S):
            _remove(path)


def _clear_old(folder: Path) -> int:
    old = [path for path in folder.iterdir() if _older(path, KEPT_DAYS * DAY_S)] if folder.is_dir() else []
    for path in old:
        _remove(path)
    return len(old)


def _older(path: Path, seconds: float) -> bool:
    try:
        return path.lstat().st_mtime < time.time() - seconds
    except FileNotFoundError:
        return False


def _remove_unheld(path: Path) -> None:
    """Remove a file that nobody has locked."""
    with suppress(OSError), path.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its last holder may have removed it, and somebody else made another, between the opening and the locking.
        if path.stat().st_ino == os.fstat(lock.fileno()).st_ino:
            path.unlink()


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
