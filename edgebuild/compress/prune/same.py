"""Whether a narrower model answers what it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.account import BY, NARROWER
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np

CLOSE = 1e-3
"""Largest difference of an output, as part of its largest value, that other kernels for other widths explain."""
TINY = 1e-6
"""And at least so much: probabilities near 0 come of sums around 1, whose own digits these are."""


def hold(name: str, wanted: np.ndarray, found: np.ndarray) -> None:
    """Compare one output.

    Raises:
        Refused: they differ: a layer does something with its channels that nobody knows of.
    """
    import numpy as np

    want, got = np.asarray(wanted, np.float64), np.asarray(found, np.float64)
    peak = float(np.abs(want).max(initial=0.0))
    apart = float(np.abs(want - got).max(initial=0.0))
    if not apart <= max(CLOSE * peak, TINY):
        part = apart / peak if peak else float("inf")
        why = f"without these channels `{name}` is {part:.2g} of its range away from what it should be."
        raise Refused(by=BY, why=why, fix=NARROWER)
