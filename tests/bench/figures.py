"""CPU seconds of whole processes, and a line for each figure."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path


def cpu(*words: str, cwd: Path, repeat: int = 1) -> tuple[float, float, str]:
    """CPU and wall seconds of `edgebuild …` with all its children, the least of several runs, and what it printed."""
    best: tuple[float, float, str] | None = None
    for _ in range(repeat):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "edgebuild", *words],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ),
        )
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stdout + done.stderr
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if best is None or spent < best[0]:
            best = (spent, wall, done.stdout + done.stderr)
    assert best is not None
    return best


def show(name: str, value: str, goal: str = "") -> None:
    """One line of the table."""
    print(f"{name:<52} {value:>16}   {goal}")
