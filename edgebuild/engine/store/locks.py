"""Builds and the cleaning of their store exclude each other: builds hold one side of a lock, cleaning the other."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgebuild.engine.store.writing import writing

NAME = "build.lock"
POLL_S = 0.2


Waits = Callable[[], None]
"""Called once where one has to wait."""


def silent() -> None:
    """Nobody is told."""


@contextmanager
def building(folder: Path, waits: Waits = silent) -> Iterator[None]:
    """Hold the side of which there may be many, for the life of a build.

    Args:
        folder: of the lock.
        waits: called once where the store is being cleaned.

    Raises:
        StepError: the folder cannot be written.
    """
    with _held(folder, fcntl.LOCK_SH, waits):
        yield


@contextmanager
def cleaning(folder: Path, waits: Waits = silent) -> Iterator[None]:
    """Hold the side of which there is one.

    Args:
        folder: of the lock.
        waits: called once where a build is running.

    Raises:
        StepError: the folder cannot be written.
    """
    with _held(folder, fcntl.LOCK_EX, waits):
        yield


@contextmanager
def _held(folder: Path, side: int, waits: Waits) -> Iterator[None]:
    with writing(folder):
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        told = False
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, side | fcntl.LOCK_NB)
                break
            if not told:
                told = True
                waits()
            time.sleep(POLL_S)
        yield
    finally:
        os.close(descriptor)


def bump_generation(root: Path) -> None:
    """Void every stamp, before anything of the store is touched that they rest on.

    Raises:
        NoRoomError: the disk is full.
        StepError: the folder cannot be written.
    """
    part = root / f"generation.{os.getpid()}.part"
    with writing(root):
        part.write_text(f"{time.time_ns()}\n")
        part.replace(root / "generation")
