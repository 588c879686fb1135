"""Private folders on the store's file system, one for the life of each build."""

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from edgebuild.engine.store.locks import Waits, building, silent
from edgebuild.engine.store.writing import writing


@contextmanager
def scratch_folder(root: Path, state: Path, waits: Waits = silent) -> Iterator[Path]:
    """A private folder on the store's file system for the life of one build; those of dead builds are removed.

    Args:
        root: of the store.
        state: where its locks lie.
        waits: called once where the store is being cleaned.

    Raises:
        NoRoomError: the disk is full.
        StepError: the store cannot be written.
    """
    reap(root)
    folder = root / "scratch" / uuid.uuid4().hex[:12]
    lock = folder.with_suffix(".lock")
    with building(state, waits), _opened(lock, root) as held:
        # Locked before the folder is there: whoever reaps sees folders, and then finds the lock taken.
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            with writing(root):
                folder.mkdir(mode=0o700)
            yield folder
        finally:
            remove_folder(folder)
            lock.unlink(missing_ok=True)


def _opened(lock: Path, root: Path) -> TextIO:
    with writing(root):
        return lock.open("w")


def reap(root: Path) -> None:
    """Remove folders of builds that are dead: nobody holds their locks."""
    for folder in (root / "scratch").iterdir():
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
