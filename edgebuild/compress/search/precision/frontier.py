"""Which of the mixtures that were tried are worth keeping: nobody else is both faster and nearer to the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgebuild.compress.search.precision.mixtures import Mixture
from edgebuild.core.wires import Artifact

FLOOR_DB = 15.0
"""Below it an answer is of no use; the area of a front is counted above it."""
BETTER_DB = 0.3
"""By which another calibration, or a repair, must be nearer to the source to be preferred."""
GAIN = 1.01
"""Speed-up below which a mixture gains nothing."""


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

    def timed(self, gain: float, contended: str = "") -> Tried:
        """With a time taken."""
        return replace(self, gain=gain, contended=contended)


def front(tried: Sequence[Tried]) -> list[Tried]:
    """Those that nothing beats in both, the fastest first."""
    found: list[Tried] = []
    for item in sorted(tried, key=lambda one: (-one.gain, -one.sqnr, one.mixture.first, one.mixture.last)):
        if not found or item.sqnr > found[-1].sqnr:
            found.append(item)
    return found


def worthwhile(tried: Sequence[Tried]) -> list[Tried]:
    """Those that gain something and answer something."""
    return [item for item in tried if item.gain >= GAIN and item.sqnr >= FLOOR_DB]


def area(members: Sequence[Tried]) -> float:
    """Hypervolume: what a front covers of (speed-up - 1) × (dB - 15)."""
    total, reached = 0.0, FLOOR_DB
    for item in front(worthwhile(members)):
        total += (item.gain - 1) * (item.sqnr - reached)
        reached = item.sqnr
    return total


def spread(members: Sequence[Tried], count: int) -> list[Tried]:
    """So many of a front that cover the most of it, the fastest first.

    The one that adds the most is taken next, until there are enough.
    """
    rest, chosen = list(front(worthwhile(members))), list[Tried]()
    while rest and len(chosen) < count:
        best = max(rest, key=lambda item: (area([*chosen, item]), item.gain))
        rest.remove(best)
        chosen.append(best)
    return sorted(chosen, key=lambda item: -item.gain)
