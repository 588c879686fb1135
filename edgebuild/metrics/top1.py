"""Share of samples whose highest score is the label's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.pick import classes, predicted

if TYPE_CHECKING:
    import numpy as np


class Top1(Metric):
    """Accuracy: the class with the highest score is the label."""

    metric: Literal["top1"] = "top1"
    threshold: float = 0.5
    """Of a model with a single score: above it is class 1."""

    unit: ClassVar[str] = "%"
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    binary: ClassVar[bool] = True

    def value(self, samples: Samples) -> float:
        """In %. Raises: DataError: no class labels, or no output with a score for each class."""
        return 100 * float(self._hits(samples).mean())

    def per_sample(self, samples: Samples) -> np.ndarray:
        """0 or 100 for each sample."""
        return 100.0 * self._hits(samples)

    def chance(self, samples: Samples) -> float:
        """Were labels and predictions independent: the sum over classes of the product of their shares."""
        import numpy as np

        found, true = predicted(self, samples, self.threshold), classes(self, samples)
        return 100 * float(sum((found == name).mean() * (true == name).mean() for name in np.unique(true)))

    def _hits(self, samples: Samples) -> np.ndarray:
        hits: np.ndarray = predicted(self, samples, self.threshold) == classes(self, samples)
        return hits
