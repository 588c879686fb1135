"""How much memory there is."""

from __future__ import annotations

from pathlib import Path

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


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
