"""How often the candidate decides like the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.pick import compared, worst
from edgebuild.metrics.steps import padding

if TYPE_CHECKING:
    import numpy as np


class Agreement(Metric):
    """Share of decisions that are the source's: the highest score along the last axis.

    Without `output` the worst output counts. An output whose last axis has one value is held against a threshold; so
    are all where `threshold` is given.
    """

    metric: Literal["agreement"] = "agreement"
    threshold: float | None = None
    """Compare each value's side of it instead of the highest score: for outputs that are independent of each other."""

    unit: ClassVar[str] = "%"
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    needs_labels: ClassVar[bool] = False
    binary: ClassVar[bool] = True

    def value(self, samples: Samples) -> float:
        """In %. Raises: DataError: an output cannot be compared with the reference's."""
        return worst(self.by_output(samples), self.better)

    def by_output(self, samples: Samples) -> dict[str, float]:
        """In %, for each output."""
        return {name: float(rows.mean()) for name, rows in self._rows(samples).items()}

    def per_sample(self, samples: Samples) -> np.ndarray | None:
        """0 to 100 for each sample, of the only output or the worst."""
        rows = self._rows(samples)
        return min(rows.values(), key=lambda row: float(row.mean()))

    def resampled(self, samples: Samples, weights: np.ndarray) -> np.ndarray:
        """The worst output of each draw."""
        import numpy as np

        rows = np.stack(list(self._rows(samples).values()), axis=1)
        return np.asarray(((weights @ rows) / weights.sum(axis=1, keepdims=True)).min(axis=1))

    def _rows(self, samples: Samples) -> dict[str, np.ndarray]:
        import numpy as np

        found = {}
        for name in compared(self, samples):
            ours, theirs = samples.outputs[name], samples.reference[name]
            last = ours.shape[-1] if ours.ndim > 1 else 1
            same: np.ndarray
            if self.threshold is None and last > 1:
                same = ours.argmax(axis=-1) == theirs.argmax(axis=-1)
            elif self.threshold is None and ours.dtype.kind in "biu":
                same = ours == theirs
            else:
                limit = 0.5 if self.threshold is None else self.threshold
                same = (ours > limit) == (theirs > limit)
            found[name] = 100.0 * mean(np.asarray(same), padding(ours, theirs))
        return found


def mean(same: np.ndarray, none: np.ndarray | None) -> np.ndarray:
    """Of each sample, over the steps that it has."""
    import numpy as np

    each = same.reshape(len(same), -1)
    if none is None:
        return np.asarray(each.mean(axis=1))
    steps = same.reshape(*none.shape, -1)
    return np.asarray(steps.mean(axis=(1, 2), where=~none[..., None]))
