"""How long to measure: enough to judge a percentile, no longer than a person waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

FEWEST_SWEEPS = 20
"""Sweeps (one run of every model) in a process; with three processes the 60 samples that a bound of the 95th percentile
needs (59, by Wilks' formula)."""
MOST_SWEEPS = 2000
MOST_ROUNDS = 30
LONGEST_S = 40.0
"""Per process; slower models get fewer sweeps, but never less than three."""
WARMUP_PART = 0.15


@dataclass(frozen=True)
class Effort:
    """What one process does."""

    rounds: int
    runs: int
    """Of each model in a round."""
    warmup_s: float
    """At most; the runner stops when the latencies are stable."""

    def parameters(self) -> dict[str, Any]:
        """As a job's parameters."""
        return {"rounds": self.rounds, "runs": self.runs, "warmup_s": self.warmup_s}


def effort(latencies_s: Sequence[float], process_s: float) -> Effort:
    """Rounds and runs of one process.

    Args:
        latencies_s: of one run of each model, the control among them.
        process_s: time a process should take where that gives enough sweeps.
    """
    sweep_s = max(sum(latencies_s), 1e-9)
    sweeps = min(MOST_SWEEPS, max(FEWEST_SWEEPS, int(process_s / sweep_s)))
    if sweeps * sweep_s > LONGEST_S:
        sweeps = max(3, int(LONGEST_S / sweep_s))
    rounds = min(MOST_ROUNDS, max(3, sweeps // 2))
    return Effort(rounds=rounds, runs=max(1, sweeps // rounds), warmup_s=round(max(0.2, WARMUP_PART * process_s), 3))
