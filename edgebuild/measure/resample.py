"""Bootstrap over processes and rounds: samples of one round are no independent evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

DRAWS = 500
"""Enough for the third digit of a 95 % bound."""

Bounded = tuple[float, float, float]


@dataclass(frozen=True)
class Resampled:
    """Draws of whole processes with replacement, and of rounds inside each (Davison and Hinkley 1997, section 3.8)."""

    weights: np.ndarray
    """How often each round was drawn: int64 of shape (draws, processes × rounds)."""

    @classmethod
    def of(cls, shape: tuple[int, ...], seed: int = 0) -> Resampled:
        """Draws for samples of `shape` (processes, rounds); equal shapes and seeds give equal draws."""
        import numpy as np

        processes, rounds = shape
        random = np.random.default_rng(seed)
        drawn = random.integers(processes, size=(DRAWS, processes, 1)).repeat(rounds, axis=2)
        cells = drawn * rounds + random.integers(rounds, size=drawn.shape)
        weights = np.zeros((DRAWS, processes * rounds), dtype=np.int64)
        np.add.at(weights, (np.arange(DRAWS)[:, None], cells.reshape(DRAWS, -1)), 1)
        return cls(weights)

    def percentile(self, samples: np.ndarray, level: float) -> Bounded:
        """Percentile of pooled samples of shape (processes, rounds, runs), with its 95 % interval."""
        import numpy as np

        runs = samples.shape[2]
        flat = samples.reshape(-1)
        order = np.argsort(flat, kind="stable")
        cumulated = np.cumsum(self.weights[:, order // runs], axis=1)
        rank = np.ceil(level / 100 * cumulated[:, -1:])
        drawn = flat[order][(cumulated < rank).sum(axis=1)]
        return float(np.percentile(flat, level)), *interval(drawn)

    def mean(self, samples: np.ndarray) -> Bounded:
        """Mean of pooled samples, with its 95 % interval."""
        per_round = samples.mean(axis=2).reshape(-1)
        drawn = self.weights @ per_round / self.weights.sum(axis=1)
        return float(per_round.mean()), *interval(drawn)

    def median(self, values: np.ndarray) -> Bounded:
        """Median over rounds of shape (processes, rounds), with its 95 % interval."""
        import numpy as np

        _, low, high = self.percentile(values[:, :, None], 50.0)
        middle = float(np.median(values))
        return middle, min(low, middle), max(high, middle)


def interval(drawn: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of the draws."""
    import numpy as np

    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
