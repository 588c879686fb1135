"""Harmonic mean of precision and recall."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.learn import LEARN, sklearn_metrics
from edgebuild.metrics.pick import classes, predicted, wrong

if TYPE_CHECKING:
    import numpy as np


class F1(Metric):
    """F1, as scikit-learn's `f1_score`; a class that never occurs counts 0."""

    metric: Literal["f1"] = "f1"
    average: Literal["macro", "micro", "weighted", "binary"] = "macro"
    """`macro` gives classes equal weight, `binary` looks at class 1 alone."""
    threshold: float = 0.5
    """Of a model with a single score: above it is class 1."""

    unit: ClassVar[str] = "%"
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    tools: ClassVar[tuple[str, ...]] = LEARN

    def value(self, samples: Samples) -> float:
        """In %. Raises: DataError: no class labels. MissingToolError: scikit-learn is not installed."""
        true, found = self._pair(samples)
        score = sklearn_metrics().f1_score(true, found, average=self.average, zero_division=0)
        return 100 * float(score)

    def chance(self, samples: Samples) -> float:
        """The mean over 20 shuffles of the labels."""
        import numpy as np

        true, found = self._pair(samples)
        rng = np.random.default_rng(0)
        shuffled = [_counts(rng.permutation(true), found, np.ones((1, len(true)))) for _ in range(20)]
        return float(np.mean([self._score(*counts)[0] for counts in shuffled]))

    def resampled(self, samples: Samples, weights: np.ndarray) -> np.ndarray:
        """The score of each draw, from its counts per class."""
        true, found = self._pair(samples)
        return self._score(*_counts(true, found, weights))

    def differs(self, samples: Samples) -> np.ndarray:
        """Whether candidate and reference predict different classes, for each sample."""
        differs: np.ndarray = self._pair(samples)[1] != self._pair(samples.of_reference())[1]
        return differs

    def _pair(self, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
        true, found = classes(self, samples), predicted(self, samples, self.threshold)
        if self.average == "binary" and max(true.max(), found.max()) > 1:
            raise wrong(self, "there are more than two classes.", "Use `average: macro`, `micro` or `weighted`.")
        return true, found

    def _score(self, hits: np.ndarray, found: np.ndarray, true: np.ndarray) -> np.ndarray:
        """Counts `(draws, classes)` of hits, predictions and labels → `(draws,)`."""
        import numpy as np

        total = found + true
        each = 2 * hits / np.where(total > 0, total, 1)
        score: np.ndarray
        if self.average == "micro":
            score = hits.sum(axis=1) / true.sum(axis=1)
        elif self.average == "binary":
            score = each[:, 1] if each.shape[1] > 1 else np.zeros(len(each))
        elif self.average == "weighted":
            score = (each * true).sum(axis=1) / true.sum(axis=1)
        else:
            score = each.sum(axis=1) / (total > 0).sum(axis=1)
        return 100 * score


def _counts(true: np.ndarray, found: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, predictions and labels of each class in each draw, `(draws, classes)`."""
    import numpy as np

    numbers = np.arange(max(true.max(), found.max()) + 1)
    is_true, is_found = true[:, None] == numbers, found[:, None] == numbers
    table = (is_true & is_found, is_found, is_true)
    hits, predictions, labels = ((weights @ part.astype(np.float32)).astype(np.float64) for part in table)
    return hits, predictions, labels
