"""Processes by descent and session: who belongs to a step, also where it left the step's group."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PAGE = os.sysconf("SC_PAGE_SIZE")


def die_with(parent: int) -> None:
    """On Linux: end when a parent ends, so that nothing goes on behind a build that is gone; at once if it has ended.

    Args:
        parent: the process that started this one, as it knows itself.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """On Linux: become the parent of every descendant whose own parent ended, so that none is lost sight of."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def children(process: int) -> Iterator[int]:
    """Children of all threads of a process."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208 - asked several times a second
            with contextlib.suppress(OSError):
                yield from map(int, Path(f"/proc/{process}/task/{thread}/children").read_text().split())


def kin(leader: int, adopter: int | None = None) -> set[int]:
    """A step's process, its descendants, and those of its session that an adopter took in."""
    found: set[int] = set()
    waiting = [leader]
    for orphan in children(adopter) if adopter else ():
        with contextlib.suppress(OSError):
            if os.getsid(orphan) == leader:
                waiting.append(orphan)
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.add(process)
            waiting += children(process)
    return found


def resident_bytes(processes: set[int]) -> int:
    """Memory that processes hold, in bytes; what they share counts for each."""
    total = 0
    for process in processes:
        with contextlib.suppress(OSError, IndexError):
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
    return total


def end_all(processes: set[int]) -> None:
    """Without a grace: they belong to something that has ended."""
    for process in processes:
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
