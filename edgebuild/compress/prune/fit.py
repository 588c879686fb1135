"""Least squares: the weights of a layer that bring what it gives nearest to what it gave before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SAMPLES = 128
ROWS = 12_000
"""Places of the samples that the weights are fitted to; He et al. take 10 of each of 5,000 images."""
WIDEST = 4096
"""Unknowns of one output beyond which a layer is left as it is: solving takes their cube."""
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Weights of the old values against the samples', as parts of the mean power of what is read."""
HELD_BACK = 4
"""One in so many samples judges, and is not fitted to."""


@dataclass(frozen=True)
class Fitted:
    """A layer's weights as a matrix."""

    weights: np.ndarray
    """(read, made), float64."""
    bias: np.ndarray
    """(made,)"""


def least_squares(
    reads: np.ndarray, gives: np.ndarray, owners: np.ndarray, before: Fitted, biased: bool
) -> Fitted | None:
    """The weights with the least error on samples that they were not fitted to; None where none are better.

    Args:
        reads: (rows, read).
        gives: (rows, made), of the whole model.
        owners: (rows,), the sample of each row.
        before: the weights that are left.
        biased: whether the layer has a bias, or something behind it that can take one.
    """
    import numpy as np

    ones = np.full((len(reads), 1 if biased else 0), 1.0)
    known = np.concatenate([reads.astype(np.float64), ones], 1)
    rest = gives.astype(np.float64) - reads @ before.weights - before.bias
    judge = owners % HELD_BACK == HELD_BACK - 1
    best: tuple[float, float] | None = None
    power, cross = known[~judge].T @ known[~judge], known[~judge].T @ rest[~judge]
    level = float(np.trace(power[: reads.shape[1], : reads.shape[1]])) / max(reads.shape[1], 1) or 1.0
    error = float((rest[judge] ** 2).sum())
    for ridge in RIDGES:
        change = np.linalg.solve(power + ridge * level * np.eye(len(power)), cross)
        left = float(((rest[judge] - known[judge] @ change) ** 2).sum())
        if left < error and (best is None or left < best[0]):
            best = (left, ridge)
    if best is None:
        return None
    power, cross = known.T @ known, known.T @ rest
    change = np.linalg.solve(power + best[1] * level * len(known) / max(1, (~judge).sum()) * np.eye(len(power)), cross)
    weights = before.weights + change[: reads.shape[1]]
    return Fitted(weights, before.bias + (change[-1] if biased else 0.0))
