"""Area under the receiver operating characteristic."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.learn import LEARN, sklearn_metrics
from edgebuild.metrics.pick import classes, scores, wrong

if TYPE_CHECKING:
    import numpy as np


class Auroc(Metric):
    """Chance that a sample of the class has a higher score than one that is not; half of a tie counts.

    Two classes: the score of class 1. More: the mean over the classes, each against the rest, of the output as it is.
    """

    metric: Literal["auroc"] = "auroc"

    unit: ClassVar[str] = "1"
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    tools: ClassVar[tuple[str, ...]] = LEARN

    def value(self, samples: Samples) -> float:
        """0..1. Raises: DataError: only one class among the labels. MissingToolError: scikit-learn is not installed."""
        import numpy as np

        area = sklearn_metrics().roc_auc_score
        return float(np.mean([area(true, score) for true, score in self._rests(samples)]))

    def chance(self, samples: Samples) -> float:  # noqa: ARG002
        """A score that knows nothing."""
        return 0.5

    def resampled(self, samples: Samples, weights: np.ndarray) -> np.ndarray:
        """The area of each draw; NaN where a draw lacks a class."""
        import numpy as np

        return np.asarray(np.mean([_areas(true, score, weights) for true, score in self._rests(samples)], axis=0))

    def _rests(self, samples: Samples) -> list[tuple[np.ndarray, np.ndarray]]:
        """Whether each sample is of a class, and its score, for each class against the rest."""
        import numpy as np

        values, true = scores(self, samples).astype(np.float64), classes(self, samples)
        columns = [1] if values.shape[1] == 2 else list(range(values.shape[1]))
        if values.shape[1] == 1:
            pairs = [(true > 0, values[:, 0])]
        else:
            pairs = [(true == column, values[:, column]) for column in columns]
        whole = [(is_class, score) for is_class, score in pairs if 0 < is_class.sum() < len(is_class)]
        if not whole:
            raise wrong(self, "all samples are of one class.", "Give the split samples of two classes at least.")
        return whole


def _areas(true: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area of each draw: over groups of equal scores, positives times the negatives below and half of those beside."""
    import numpy as np

    order = np.argsort(score, kind="stable")
    ranked, drawn, is_class = score[order], weights[:, order], true[order]
    negative = np.where(is_class, 0, drawn)
    # Whole numbers below 2**24, so float32 counts them exactly.
    upto = np.cumsum(negative, axis=1)
    first = np.searchsorted(ranked, ranked[is_class], side="left")
    last = np.searchsorted(ranked, ranked[is_class], side="right") - 1
    below = upto[:, first] - negative[:, first]
    half = (below + upto[:, last]) / 2
    positive = drawn[:, is_class]
    won = np.einsum("dp,dp->d", positive, half, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(won / (positive.sum(axis=1, dtype=np.float64) * upto[:, -1].astype(np.float64)))
