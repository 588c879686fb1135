"""Mixtures that were tried, and which of them are worth keeping: the Pareto front of speed and SQNR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgebuild.compress.search.pareto import most_covering, pareto_front
from edgebuild.compress.search.precision.mixtures import Mixture
from edgebuild.core.wires import Artifact

FLOOR_DB = 15.0
"""SQNR below which an answer is of no use."""
BETTER_DB = 0.3
"""By which another calibration, or a repair, must be nearer to the source to be preferred."""
GAIN = 1.01
"""Speed-up below which a mixture gains nothing."""
CORNER = (1.0, FLOOR_DB)
"""Reference point of the hypervolume: the source's speed, and the floor."""


@dataclass(frozen=True)
class Tried:
    """One mixture with what was measured of it."""

    mixture: Mixture
    model: Artifact
    path: Path
    """Where it lies now."""
    sqnr: float
    """In dB, of the worst output against the model in floating point."""
    agreement: float | None
    """In %, decisions that are the same; None where the outputs are no scores."""
    gain: float = 0.0
    """Time of the model in floating point over its own, taken in one run; bits of the former over its own where the
    target is not at hand. 0: not taken."""
    contended: str = ""
    """What disturbed the run, or ""."""

    @property
    def point(self) -> tuple[float, float]:
        """What the search maximizes."""
        return self.gain, self.sqnr

    def timed(self, gain: float, contended: str = "") -> Tried:
        """With a time taken."""
        return replace(self, gain=gain, contended=contended)


def front(tried: Sequence[Tried]) -> list[Tried]:
    """The Pareto front of gain and SQNR, the fastest first; of equal mixtures the one that begins, then ends, first."""
    return pareto_front(sorted(tried, key=lambda item: (item.mixture.first, item.mixture.last)))


def worthwhile(tried: Sequence[Tried]) -> list[Tried]:
    """Those that gain something and answer something."""
    return [item for item in tried if item.gain >= GAIN and item.sqnr >= FLOOR_DB]


def spread(tried: Sequence[Tried], count: int) -> list[Tried]:
    """At most `count` of the front that cover the most of (speed-up - 1) × (dB - `FLOOR_DB`), the fastest first."""
    return most_covering(front(worthwhile(tried)), count, CORNER)
