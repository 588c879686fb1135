"""Networks that were tried: which are trained further, and which are worth keeping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgebuild.compress.search.architecture.space import Choices
from edgebuild.compress.search.pareto import dominates, most_covering, pareto_front
from edgebuild.core.wires import Artifact

THIRD = 3
"""A trial that goes on trains three times as long as before: successive halving's usual step (arXiv:1810.05934)."""
BETTER = 2
"""Trials that must dominate another before it ends early: one alone may be luck."""


@dataclass
class Tried:
    """One network and what is known of it."""

    choices: Choices
    start: Artifact
    """With fresh weights, in Keras' format."""
    timed: Artifact
    """The same, converted to the target's format."""
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

    Dominated by at least two trials at this rung, and at least half of all trials are dominated by fewer.
    """
    rung = len(item.scores) - 1
    there = [(one.gain, one.scores[rung]) for one in others if len(one.scores) > rung and one is not item]
    own = (item.gain, item.scores[rung])
    every = [*there, own]
    dominating = sum(dominates(one, own) for one in there)
    ahead = sum(sum(dominates(other, one) for other in every) < dominating for one in there)
    return dominating >= BETTER and 2 * ahead >= len(every)


def spread(tried: Sequence[Tried], count: int) -> list[Tried]:
    """At most `count` of the front that cover the most of it, the fastest first.

    The reference point of the hypervolume lies a tenth of the front's extent beyond its ends, so that these count too.
    """
    front = pareto_front(tried)
    if not front:
        return []
    gains, scores = [item.gain for item in front], [item.score for item in front]
    corner = (
        min(gains) - 0.1 * (max(gains) - min(gains) or max(gains)),
        min(scores) - 0.1 * (max(scores) - min(scores) or 1.0),
    )
    return most_covering(front, count, corner)
