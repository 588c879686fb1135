"""What drifts on a device while it is measured: recorded with a run, judged for validity, in no key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from edgebuild.devices.facts import read


def conditions(root: Path = Path("/")) -> dict[str, Any]:
    """Load, pressure, temperature and clock of this moment; None where this system does not say.

    Returns:
        `load` (runnable processes, mean of one minute), `pressure` (% of 10 s in which something waited for a
        processor), `temperature` (°C, the hottest zone), `clock` (MHz, the fastest core), `throttled` (times the
        control group was held back), `stolen` (ticks a hypervisor took).
    """
    return {
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "pressure": pressure(read(root / "proc/pressure/cpu")),
        "temperature": hottest(root / "sys/class/thermal"),
        "clock": fastest(root / "sys/devices/system/cpu"),
        "throttled": throttled(root / "sys/fs/cgroup"),
        "stolen": stolen(read(root / "proc/stat")),
    }


def pressure(text: str) -> float | None:
    """`some avg10` of the kernel's pressure stall information."""
    for word in text.split():
        if word.startswith("avg10="):
            return float(word.removeprefix("avg10="))
    return None


def hottest(folder: Path) -> float | None:
    """Degrees Celsius."""
    readings = [read(file).strip() for file in folder.glob("thermal_zone*/temp")] if folder.is_dir() else []
    return max((int(text) / 1000 for text in readings if text.lstrip("-").isdigit()), default=None)


def fastest(folder: Path) -> float | None:
    """MHz."""
    readings = [read(file).strip() for file in folder.glob("cpu*/cpufreq/scaling_cur_freq")] if folder.is_dir() else []
    return max((int(text) / 1000 for text in readings if text.isdigit()), default=None)


def throttled(folder: Path) -> int | None:
    """Periods in which the control group had used up its quota."""
    for file in (folder / "cpu.stat", folder / "cpu" / "cpu.stat"):
        words = read(file).split()
        if "nr_throttled" in words:
            return int(words[words.index("nr_throttled") + 1])
    return None


def stolen(text: str) -> int | None:
    """Clock ticks, the eighth number of the first line."""
    first = text.splitlines()[:1]
    words = first[0].split() if first else []
    return int(words[8]) if len(words) > 8 and words[0] == "cpu" else None
