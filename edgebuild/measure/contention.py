"""Did something else use the processor while we measured? Judged from counters of the process itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LEAST_SHARE = 0.98
"""CPU time over wall time of a process that only computes; below, it waited for a processor. Seen on two cores: 0.999
alone, 0.997 beside one busy process (every percentile unchanged), 0.5 beside three (the 90th percentile 30 times)."""
MOST_SWITCHES = 100.0
"""Involuntary context switches per second. Seen in the same runs: 3, 70 and 130; tells of a shared processor where
several threads hide it in their CPU time."""
MOST_STOLEN = 0.02
"""Part of a processor's time that a hypervisor may give to others. Seen on a shared virtual machine: at most 0.005
while the percentiles stood; more than this is what `LEAST_SHARE` allows a process to lose altogether."""
MOST_WAITING = 0.3
"""Part of the time in which something on the machine may wait for a processor. Seen on two cores: 0.02 alone, 0.5
where others took 4 of 10 parts of this one's; between them lies work elsewhere that leaves this process its own."""
LONGEST_ASLEEP_S = 0.05
"""Suspended; both clocks are read one after the other, some microseconds apart."""
DEAD_BAND = 0.03
"""Relative difference between two runs of the same model that nothing can be concluded from."""


@dataclass(frozen=True)
class Process:
    """One fresh process of a timing run."""

    seed: int
    load_ns: dict[str, int]
    """Time to open each model, by its index."""
    first_ns: dict[str, int]
    cpu_s: float
    wall_s: float
    involuntary_switches: int
    loadavg: float | None = None
    machine: dict[str, float] = field(default_factory=dict)
    """What befell the machine while it ran, as `runner.process.machine` names it; what it does not tell is left out."""
    contended: str = ""
    """Why it does not count, or ""."""

    @classmethod
    def of(cls, result: Mapping[str, Any], rows: Sequence[int], seed: int) -> Process:
        """From a runner's raw result; `rows` are the indices of its models."""
        raw = result["processes"][0] if result.get("processes") else result
        found = cls(
            seed=seed,
            load_ns=by_row(raw["load_ns"], rows),
            first_ns=by_row(raw["first_ns"], rows),
            cpu_s=float(raw["cpu_s"]),
            wall_s=float(raw["wall_s"]),
            involuntary_switches=int(raw["involuntary_switches"]),
            loadavg=raw.get("loadavg"),
            machine=passed(*raw.get("machine", ({}, {}))),
        )
        return replace(found, contended=disturbed(found.share, found.switches_per_s) or befallen(found))

    @property
    def share(self) -> float:
        """CPU time over wall time."""
        return self.cpu_s / max(self.wall_s, 1e-9)

    @property
    def switches_per_s(self) -> float:
        """Involuntary context switches."""
        return self.involuntary_switches / max(self.wall_s, 1e-9)

    def record(self) -> dict[str, Any]:
        """As it stands in `result.json`."""
        return {
            "order_seed": self.seed,
            "load_ns": self.load_ns,
            "first_ns": self.first_ns,
            "cpu_s": self.cpu_s,
            "wall_s": self.wall_s,
            "involuntary_switches": self.involuntary_switches,
            "loadavg": self.loadavg,
            "machine": self.machine,
            "contended": self.contended,
        }


def by_row(values: Any, rows: Sequence[int]) -> dict[str, int]:
    """A runner's list or mapping over its models, by the step's indices."""
    pairs = values.items() if isinstance(values, Mapping) else enumerate(values)
    return {
        str(rows[int(index)]): int(value) for index, value in pairs if str(index).isdigit() and int(index) < len(rows)
    }


def disturbed(share: float, switches_per_s: float) -> str:
    """Why a process does not count, or ""."""
    if share < LEAST_SHARE:
        return f"it had the processor {share:.0%} of the time"
    if switches_per_s > MOST_SWITCHES:
        return f"it was interrupted {switches_per_s:.0f} times per second"
    return ""


def passed(before: Mapping[str, float | None], after: Mapping[str, float | None]) -> dict[str, float]:
    """By how much each counter went on; one that went back was counted for another control group, and says nothing."""
    found = {}
    for name, end in after.items():
        start = before.get(name)
        if start is not None and end is not None and end >= start:
            found[name] = round(end - start, 6)
    return found


def befallen(process: Process) -> str:
    """Why a process does not count for what befell its machine, or ""."""
    told, wall = process.machine, max(process.wall_s, 1e-9)
    stolen, waiting = told.get("stolen_s", 0.0) / wall, told.get("waiting_s", 0.0) / wall
    if told.get("asleep_s", 0.0) > LONGEST_ASLEEP_S:
        return f"the machine was suspended for {told['asleep_s']:.1f} s"
    if told.get("throttled", 0) > 0:
        return f"its control group had used up its quota {told['throttled']:.0f} times"
    if stolen > MOST_STOLEN:
        return f"the hypervisor gave {stolen:.1%} of each processor to others"
    if waiting > MOST_WAITING:
        return f"something waited for a processor {waiting:.0%} of the time"
    return ""


def control_ratio(samples: Sequence[Mapping[str, np.ndarray]], anchor: str) -> float | None:
    """Median over all rounds of the control's fastest run over the anchor's: 1 but for noise."""
    import numpy as np

    ratios = [item["control"].min(axis=1) / item[anchor].min(axis=1) for item in samples if "control" in item]
    return float(np.median(np.concatenate(ratios))) if ratios else None


def odd_control(samples: Sequence[Mapping[str, np.ndarray]], anchor: str) -> str:
    """Why the A/A control makes a run invalid, or ""."""
    ratio = control_ratio(samples, anchor)
    if ratio is None or abs(ratio - 1) <= DEAD_BAND:
        return ""
    return f"the same model measured twice differed by {abs(ratio - 1):.1%}"
