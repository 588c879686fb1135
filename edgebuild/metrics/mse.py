"""Mean squared error."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.learn import LEARN, sklearn_metrics
from edgebuild.metrics.pick import numbers

if TYPE_CHECKING:
    import numpy as np


class Mse(Metric):
    """Mean squared difference between output and label, over all their values."""

    metric: Literal["mse"] = "mse"
    unit: str = "1"  # type: ignore[misc]
    """Of the squared label: `deg²`."""

    better: ClassVar[Literal["lower", "higher"]] = "lower"
    tools: ClassVar[tuple[str, ...]] = LEARN

    def value(self, samples: Samples) -> float:
        """In `unit`. Raises: DataError: output and label differ in shape. MissingToolError: no scikit-learn."""
        ours, theirs = numbers(self, samples)
        return float(sklearn_metrics().mean_squared_error(theirs, ours))

    def per_sample(self, samples: Samples) -> np.ndarray:
        """The mean over the values of each sample."""
        ours, theirs = numbers(self, samples)
        error: np.ndarray = ((ours - theirs) ** 2).mean(axis=1)
        return error
