"""Mean absolute error."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.learn import LEARN, sklearn_metrics
from edgebuild.metrics.pick import numbers

if TYPE_CHECKING:
    import numpy as np


class Mae(Metric):
    """Mean absolute difference between output and label, over all their values."""

    metric: Literal["mae"] = "mae"
    unit: str = "1"  # type: ignore[misc]
    """Of the label: `deg`, `m`."""

    better: ClassVar[Literal["lower", "higher"]] = "lower"
    tools: ClassVar[tuple[str, ...]] = LEARN

    def value(self, samples: Samples) -> float:
        """In `unit`. Raises: DataError: output and label differ in shape. MissingToolError: no scikit-learn."""
        ours, theirs = numbers(self, samples)
        return float(sklearn_metrics().mean_absolute_error(theirs, ours))

    def per_sample(self, samples: Samples) -> np.ndarray:
        """The mean over the values of each sample."""
        ours, theirs = numbers(self, samples)
        error: np.ndarray = abs(ours - theirs).mean(axis=1)
        return error
