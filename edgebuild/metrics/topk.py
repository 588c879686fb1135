"""Share of samples whose label is among the k highest scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import PositiveInt

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.pick import classes, scores, wrong

if TYPE_CHECKING:
    import numpy as np


class TopK(Metric):
    """Top-k accuracy; of equal scores the class with the lower number comes first."""

    metric: Literal["topk"] = "topk"
    k: PositiveInt = 5
    """How many of the highest scores count."""

    unit: ClassVar[str] = "%"
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    binary: ClassVar[bool] = True

    def value(self, samples: Samples) -> float:
        """In %. Raises: DataError: no class labels, or no more than k classes."""
        return float(self.per_sample(samples).mean())

    def per_sample(self, samples: Samples) -> np.ndarray:
        """0 or 100 for each sample."""
        hits: np.ndarray = (self._first(samples) == classes(self, samples)[:, None]).any(axis=1)
        return 100.0 * hits

    def chance(self, samples: Samples) -> float:
        """Were labels and predictions independent."""
        import numpy as np

        first, true = self._first(samples), classes(self, samples)
        return 100 * float(sum((first == name).any(axis=1).mean() * (true == name).mean() for name in np.unique(true)))

    def _first(self, samples: Samples) -> np.ndarray:
        """Class numbers of the k highest scores, `(n, k)`."""
        import numpy as np

        values = scores(self, samples)
        if values.shape[1] <= self.k:
            what = f"the output has {values.shape[1]} scores; all of them are among the {self.k} highest."
            raise wrong(self, what, "Give a smaller `k`, or use top1.")
        order = np.argsort(-values.astype(np.float64), axis=1, kind="stable")
        return order[:, : self.k]
