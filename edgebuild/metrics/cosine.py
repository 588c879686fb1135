"""Direction of the candidate's outputs against the source's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.pick import compared, worst

if TYPE_CHECKING:
    import numpy as np


class Cosine(Metric):
    """Mean over the samples of the cosine between output and reference; without `output` the worst output."""

    metric: Literal["cosine"] = "cosine"

    unit: ClassVar[str] = "1"
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    needs_labels: ClassVar[bool] = False

    def value(self, samples: Samples) -> float:
        """-1..1. Raises: DataError: an output cannot be compared with the reference's."""
        return worst(self.by_output(samples), self.better)

    def by_output(self, samples: Samples) -> dict[str, float]:
        """-1..1 for each output."""
        return {name: float(rows.mean()) for name, rows in self._rows(samples).items()}

    def resampled(self, samples: Samples, weights: np.ndarray) -> np.ndarray:
        """The worst output of each draw."""
        import numpy as np

        rows = np.stack(list(self._rows(samples).values()), axis=1)
        return np.asarray(((weights @ rows) / weights.sum(axis=1, keepdims=True)).min(axis=1))

    def _rows(self, samples: Samples) -> dict[str, np.ndarray]:
        return {name: _cosine(*pair) for name, pair in compared(self, samples).items()}


def _cosine(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Of each row; 1 where both are zero, 0 where one is."""
    import numpy as np

    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    both = ~ours.any(axis=1) & ~theirs.any(axis=1)
    products = (ours * theirs).sum(axis=1)
    found: np.ndarray = np.where(both, 1.0, products / np.where(lengths > 0, lengths, 1.0))
    return found
