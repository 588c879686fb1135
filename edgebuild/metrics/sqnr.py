"""Signal to quantization noise: how close the candidate's outputs are to the source's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.pick import compared, worst

if TYPE_CHECKING:
    import numpy as np

CEILING_DB = 200.0
"""Told for equal outputs, whose ratio is infinite; float32 itself resolves about 150 dB."""


class Sqnr(Metric):
    """10·log10(Σ reference² / Σ (reference - output)²) over all samples; without `output` the worst output."""

    metric: Literal["sqnr"] = "sqnr"

    unit: ClassVar[str] = "dB"
    better: ClassVar[Literal["lower", "higher"]] = "higher"
    needs_labels: ClassVar[bool] = False

    def value(self, samples: Samples) -> float:
        """In dB, within ±200; NaN where an answer is. Raises: DataError: an output cannot be compared."""
        return worst(self.by_output(samples), self.better)

    def by_output(self, samples: Samples) -> dict[str, float]:
        """In dB, for each output."""
        return {name: float(_ratio(rows.sum(axis=0))) for name, rows in _energies(self, samples).items()}

    def resampled(self, samples: Samples, weights: np.ndarray) -> np.ndarray:
        """The worst output of each draw."""
        import numpy as np

        return np.asarray(np.min([_ratio(weights @ rows) for rows in _energies(self, samples).values()], axis=0))


def _energies(metric: Metric, samples: Samples) -> dict[str, np.ndarray]:
    """Of signal and noise in each sample, `(n, 2)`, for each output."""
    import numpy as np

    return {
        name: np.stack([(theirs**2).sum(axis=1), ((theirs - ours) ** 2).sum(axis=1)], axis=1)
        for name, (ours, theirs) in compared(metric, samples).items()
    }


def _ratio(energies: np.ndarray) -> np.ndarray:
    """Decibels of signal over noise along the last axis; noise that is no number is not the least of all."""
    import numpy as np

    signal, noise = energies[..., 0], energies[..., 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(noise == 0, CEILING_DB, 10 * np.log10(signal / noise))
    return np.clip(ratio, -CEILING_DB, CEILING_DB)
