"""Intervals by drawing samples, or groups of them, again and again; candidate and reference in the same draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgebuild.core.evidence import Interval
from edgebuild.errors import EdgebuildError
from edgebuild.metrics.base import Metric, Samples

if TYPE_CHECKING:
    import numpy as np

CHUNK_VALUES = 4_000_000
"""Weights held at once while they are drawn: 16 MB."""
KEPT_VALUES = 30_000_000
"""Weights kept for the next metric: 120 MB."""
FEWEST_UNITS = 2


@dataclass
class Draws:
    """How often each draw holds each sample: the same for all candidates and metrics of one set."""

    samples: int
    groups: tuple[str, ...]
    seed: int
    draws: int
    _kept: list[np.ndarray] = field(default_factory=list)

    @property
    def units(self) -> int:
        """What is drawn: groups where there are some, else samples."""
        return len(set(self.groups)) or self.samples

    @property
    def words(self) -> str:
        """What is drawn, for people."""
        return "groups" if self.groups else "samples"

    def __iter__(self) -> Iterator[np.ndarray]:
        """float32 `(some draws, samples)`, piece by piece, always the same."""
        if self._kept:
            yield from self._kept
            return
        keep = self.draws * self.samples <= KEPT_VALUES
        kept = []
        for piece in self._drawn():
            if keep:
                kept.append(piece)
            yield piece
        self._kept = kept

    def _drawn(self) -> Iterator[np.ndarray]:
        import numpy as np

        rng = np.random.default_rng(self.seed)
        units = self.units
        member = np.unique(np.array(self.groups), return_inverse=True)[1] if self.groups else None
        size = max(1, CHUNK_VALUES // max(units, self.samples))
        for start in range(0, self.draws, size):
            rows = min(size, self.draws - start)
            drawn = rng.integers(0, units, (rows, units)) + np.arange(rows)[:, None] * units
            counts = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float32)
            yield counts if member is None else counts[:, member]


def values(metric: Metric, samples: Samples, draws: Draws) -> np.ndarray | None:
    """The metric's value in each draw, NaN where it has none; None where the metric wants no draws."""
    import numpy as np

    found = []
    for weights in draws:
        quick = metric.resampled(samples, weights)
        found.append(_one_by_one(metric, samples, weights) if quick is None else np.asarray(quick, np.float64))
    return np.concatenate(found) if found else None


def _one_by_one(metric: Metric, samples: Samples, weights: np.ndarray) -> np.ndarray:
    import numpy as np

    found = np.full(len(weights), np.nan)
    for row, weight in enumerate(weights):
        try:
            found[row] = metric.value(samples.take(np.repeat(np.arange(len(weight)), weight.astype(int))))
        except EdgebuildError:
            # A draw may lack a class; the whole set was judged before.
            continue
    return found


def interval(drawn: np.ndarray | None, draws: Draws, kind: str = "bootstrap") -> Interval | None:
    """Two-sided 95 %; None where fewer than half of the draws have a value."""
    import numpy as np

    if drawn is None or np.isfinite(drawn).mean() < 0.5 or draws.units < FEWEST_UNITS:
        return None
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Interval(low=float(low), high=float(high), level=0.95, method=_method(draws, kind))


def upper(drawn: np.ndarray | None, draws: Draws) -> Interval | None:
    """One-sided 95 % bound of a paired drop."""
    import numpy as np

    if drawn is None or np.isfinite(drawn).mean() < 0.5 or draws.units < FEWEST_UNITS:
        return None
    high = float(np.nanquantile(drawn, 0.95))
    return Interval(low=None, high=high, level=0.95, method=_method(draws, "paired bootstrap"))


def _method(draws: Draws, kind: str) -> str:
    return f"{kind} over {draws.words}, {draws.draws} draws"
