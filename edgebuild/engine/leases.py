"""Who makes what: two builds at once never run one step twice, and never measure beside each other.

A lease is an operating system's lock on a file, held by the process that coordinates a build; it ends with the process,
however that ends. What is correct never rests on a lease (the first writer of a row wins): it saves work.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

POLL_S = 0.1


class Holder(NamedTuple):
    """Who has a lease that somebody else wants."""

    process: int
    host: str
    since: float
    """Seconds since 1970."""
    what: str

    def words(self) -> str:
        """For a person: `process 12, for 3 min`."""
        minutes = (time.time() - self.since) / 60
        if not self.process:
            return "another process"
        spent = f"{minutes:.0f} min" if minutes >= 1 else f"{minutes * 60:.0f} s"
        where = "" if self.host == platform.node() else f" on {self.host}"
        return f"process {self.process}{where}, for {spent}"


NOBODY = Holder(0, "", 0.0, "")


class Lease:
    """One lock that is held."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor, self._path = descriptor, path

    def release(self) -> None:
        """Give it back; its file goes first, so that nobody waits at a name that is gone."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)  # noqa: PTH108 - a hot path of every step
        os.close(self._descriptor)


class Leases:
    """Leases by key, as files in a folder."""

    def __init__(self, folder: Path) -> None:
        """Args: folder: on a local file system."""
        self._folder = str(folder)
        folder.mkdir(mode=0o700, exist_ok=True)

    def attempt(self, key: str, what: str) -> Lease | Holder:
        """The lease, or who has it.

        Raises:
            OSError: the folder cannot be written.
        """
        path = f"{self._folder}/{key}"
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _holder(descriptor)
                os.close(descriptor)
                return holder
            if _same(descriptor, path):
                _sign(descriptor, what)
                return Lease(descriptor, path)
            # Its last holder removed the file between our opening and locking it.
            os.close(descriptor)


def _sign(descriptor: int, what: str) -> None:
    """Say in a lock's file who has it; a comfort, which a file of another user does not grant."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps([os.getpid(), platform.node(), time.time(), what]).encode(), 0)


def _same(descriptor: int, path: str) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)  # noqa: PTH116
    except FileNotFoundError:
        return False
    return (there.st_ino, there.st_dev) == (os.fstat(descriptor).st_ino, os.fstat(descriptor).st_dev)


def _holder(descriptor: int) -> Holder:
    with contextlib.suppress(ValueError, TypeError, OSError):
        return Holder(*json.loads(os.pread(descriptor, 4096, 0)))
    return NOBODY


HOST_LOCK = "edgebuild-measuring.lock"


@contextmanager
def measuring(what: str, waits: Callable[[Holder], None] = lambda _: None, poll_s: float = POLL_S) -> Iterator[None]:
    """The one place on this host where something is measured; waits until it is free.

    Only politeness: a container has another folder for temporary files, and others do not ask. Measurements judge
    themselves by what they saw of the processor.

    Args:
        what: is measured, for those who wait.
        waits: called once with who has the place, where it is taken.
        poll_s: seconds between two looks.
    """
    descriptor, told = _host_lock(), False
    try:
        while descriptor is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    told = True
                    waits(_holder(descriptor))
                time.sleep(poll_s)
                continue
            if _same(descriptor, _host_path()):
                _sign(descriptor, what)
                break
            # Somebody who cleans up removed the file: those who come now lock another one.
            os.close(descriptor)
            descriptor = _host_lock()
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _host_path() -> str:
    return f"{tempfile.gettempdir()}/{HOST_LOCK}"


def _host_lock() -> int | None:
    """The file of all users of this host; None where there can be none."""
    # In a folder that all may write to, the file of another user may not be created, and it may be a trap: a link.
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    for attempt in (os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREAT | os.O_EXCL):
        with contextlib.suppress(OSError):
            descriptor = os.open(_host_path(), flags | attempt, 0o666)
            if attempt & os.O_CREAT:
                # Past the umask: another user must be able to say that he has it.
                os.fchmod(descriptor, 0o666)
            return descriptor
    return None
