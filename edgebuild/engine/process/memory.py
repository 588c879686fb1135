"""How much memory there is, and how much a step takes."""

from __future__ import annotations

import contextlib
from pathlib import Path

PAGE = 4096
RESERVE = 0.05
"""Part of the memory that is left to everybody else."""


def available_bytes(root: Path = Path("/")) -> int | None:
    """What steps may take together: what is free, at most what the control group grants; None where nobody says."""
    found: list[int] = []
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            found.append(int(line.split()[1]) * 1024)
    limit, used = _text(root / "sys/fs/cgroup/memory.max").strip(), _text(root / "sys/fs/cgroup/memory.current").strip()
    if limit.isdigit() and used.isdigit():
        found.append(int(limit) - int(used))
    return int(min(found) * (1 - RESERVE)) if found else None


def total_bytes(root: Path = Path("/")) -> int | None:
    """What the machine, or the control group, has at all."""
    found = [int(line.split()[1]) * 1024 for line in _text(root / "proc/meminfo").splitlines() if "MemTotal" in line]
    limit = _text(root / "sys/fs/cgroup/memory.max").strip()
    return min([*found, *([int(limit)] if limit.isdigit() else [])], default=None)


def group_bytes(leader: int) -> int:
    """Resident memory of a process and its children, in bytes; what they share counts for each."""
    total, waiting = 0, [leader]
    while waiting:
        process = waiting.pop()
        with contextlib.suppress(OSError, ValueError, IndexError):
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
            children = Path(f"/proc/{process}/task/{process}/children").read_text()
            waiting += map(int, children.split())
    return total


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
