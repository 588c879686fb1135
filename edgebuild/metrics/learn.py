"""scikit-learn's metrics, imported late."""

from __future__ import annotations

from typing import Any

from edgebuild.errors import MissingToolError, Problem

LEARN = ("numpy", "scikit-learn", "scipy")
"""Distributions that decide what scikit-learn's metrics say."""


def sklearn_metrics() -> Any:
    """The module `sklearn.metrics`.

    Raises:
        MissingToolError: it is not installed.
    """
    try:
        from sklearn import metrics
    except ImportError as error:
        fix = "pip install 'edgebuild[report]'"
        raise MissingToolError(
            Problem("metrics", "this metric needs scikit-learn, which is not installed.", fix)
        ) from error
    return metrics
