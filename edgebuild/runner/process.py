"""What this process used and how busy the machine is; None where the system does not say."""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")
PRESSURE = Path("/proc/pressure/cpu")
STAT = Path("/proc/stat")
GROUP = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Usage:
    """Since the process began."""

    cpu_s: float
    """User and system, all threads."""
    involuntary_switches: int
    """Times the kernel took the processor away although there was work."""


def usage() -> Usage:
    """What this process used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(cpu_s=used.ru_utime + used.ru_stime, involuntary_switches=used.ru_nivcsw)


def load_average() -> float | None:
    """Runnable processes, mean of the last minute."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def pressure() -> dict[str, float] | None:
    """Share of time in which a task waited for a processor: `some` line of /proc/pressure/cpu, % and microseconds."""
    try:
        line = PRESSURE.read_text(encoding="ascii").splitlines()[0]
    except (OSError, IndexError):
        return None
    return {name: float(value) for name, _, value in (word.partition("=") for word in line.split()[1:])}


def machine() -> dict[str, float | int | None]:
    """Counters of what befalls every process of the machine; only differences mean anything.

    Returns:
        `stolen_s` (a hypervisor gave to others, per processor), `waiting_s` (in which something waited for a
        processor), `throttled` (periods in which the control group had used up its quota), `asleep_s` (suspended).
    """
    waiting = pressure()
    return {
        "stolen_s": _stolen_s(),
        "waiting_s": waiting["total"] / 1e6 if waiting and "total" in waiting else None,
        "throttled": _throttled(),
        "asleep_s": _asleep_s(),
    }


def _stolen_s() -> float | None:
    try:
        words = STAT.read_text(encoding="ascii").split("\n", 1)[0].split()
    except OSError:
        return None
    if len(words) < 9 or words[0] != "cpu":
        return None
    # The eighth number of the first line, in clock ticks, over all processors: proc(5).
    return int(words[8]) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)


def _throttled() -> int | None:
    """Of this process's own group; of the old hierarchy, or as a container sees it, where that is not to be found."""
    try:
        lines = GROUP.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    own = next((line[3:] for line in lines if line.startswith("0::")), "/").strip("/")
    for file in (GROUPS / own / "cpu.stat", GROUPS / "cpu.stat", GROUPS / "cpu" / "cpu.stat"):
        try:
            words = file.read_text(encoding="ascii").split()
        except OSError:
            continue
        if "nr_throttled" in words:
            return int(words[words.index("nr_throttled") + 1])
    return None


def _asleep_s() -> float | None:
    """Since the machine started, in seconds: what one clock counts and the other does not."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def resident_bytes() -> int:
    """Resident memory now; the peak where the system only tells that."""
    return _status().get("VmRSS") or peak_bytes()


def peak_bytes() -> int:
    """The most resident memory since the start, or since `forget_peak`."""
    peak = _status().get("VmHWM")
    if peak is not None:
        return peak
    # getrusage counts bytes on macOS and KiB elsewhere.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak() -> bool:
    """Start the peak anew, so that what imports needed for a moment does not count; False where that is not allowed."""
    try:
        # 5 resets VmHWM to VmRSS: proc(5), /proc/pid/clear_refs.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _status() -> dict[str, int]:
    """Memory lines of /proc/self/status, in bytes."""
    try:
        lines = STATUS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines)
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in fields if len(words) == 3 and words[2] == "kB"}
