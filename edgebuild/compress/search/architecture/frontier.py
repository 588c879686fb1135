"""Networks that were tried: which goes on training, and which are worth keeping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgebuild.compress.search.architecture.space import Choices
from edgebuild.core.wires import Artifact

THIRD = 3
"""A trial that goes on trains three times as long as before: successive halving's usual step (arXiv:1810.05934)."""
BETTER = 2
"""So many must be better in both before a trial ends early: one alone may be luck."""


@dataclass
class Tried:
    """One network and what is known of it."""

    choices: Choices
    start: Artifact
    """With fresh weights, in Keras' format."""
    timed: Artifact
    """The same in the target's."""
    gain: float
    """Time of the spec's model over its own, or multiplications of that over its own."""
    macs: int | None
    weights: int
    contended: str = ""
    scores: list[float] = field(default_factory=list)
    """At each rung, on samples that were held out; higher is better, whatever the metric's direction."""
    epochs: int = 0
    stopped: bool = False
    """Whether it was left before its last epoch."""
    model: Artifact | None = None
    path: Path | None = None
    """After the last epoch so far, where it lies now."""

    @property
    def score(self) -> float:
        """The last one."""
        return self.scores[-1]

    @property
    def point(self) -> tuple[float, float]:
        """What the search maximizes."""
        return self.gain, self.score


def rungs(epochs: int) -> tuple[int, ...]:
    """After how many epochs a trial is judged: a ninth of all, a third, all."""
    found = [epochs]
    while found[0] // THIRD >= 1:
        found.insert(0, found[0] // THIRD)
    return tuple(found)


def hopeless(item: Tried, others: Sequence[Tried]) -> bool:
    """Whether a trial is not worth more epochs.

    At the same rung at least two others are both as fast and better, and half of all are beaten by fewer than it is.
    """
    rung = len(item.scores) - 1
    there = [(one.gain, one.scores[rung]) for one in others if len(one.scores) > rung and one is not item]
    own = (item.gain, item.scores[rung])
    every = [*there, own]
    beaten = sum(beats(one, own) for one in there)
    ahead = sum(sum(beats(other, one) for other in every) < beaten for one in there)
    return beaten >= BETTER and 2 * ahead >= len(every)


def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether a point is nowhere worse and somewhere better."""
    return one != other and one[0] >= other[0] and one[1] >= other[1]


def edge(tried: Sequence[Tried]) -> list[Tried]:
    """Those that nobody beats, the fastest first; of equal ones the first."""
    found: list[Tried] = []
    for item in sorted(tried, key=lambda one: (-one.gain, -one.score)):
        if not found or item.score > found[-1].score:
            found.append(item)
    return found


def area(points: Sequence[tuple[float, float]], corner: tuple[float, float]) -> float:
    """Hypervolume: what a front covers beyond a corner of (gain, score)."""
    total, reached = 0.0, corner[1]
    for gain, score in sorted(points, reverse=True):
        if score > reached:
            total += max(0.0, gain - corner[0]) * (score - reached)
            reached = score
    return total


def spread(tried: Sequence[Tried], count: int) -> list[Tried]:
    """So many of the front that cover the most of it, the fastest first.

    The corner lies a tenth of the front's size below its ends, so that these count too.
    """
    rest = edge(tried)
    if not rest:
        return []
    gains, scores = [item.gain for item in rest], [item.score for item in rest]
    corner = (
        min(gains) - 0.1 * (max(gains) - min(gains) or max(gains)),
        min(scores) - 0.1 * (max(scores) - min(scores) or 1.0),
    )
    chosen: list[Tried] = []
    while rest and len(chosen) < count:
        best = max(rest, key=lambda item: (area([*(one.point for one in chosen), item.point], corner), item.gain))
        rest.remove(best)
        chosen.append(best)
    return sorted(chosen, key=lambda item: -item.gain)
