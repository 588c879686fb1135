"""What this process used and how busy the machine is; None where the system does not say."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")
PRESSURE = Path("/proc/pressure/cpu")


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
