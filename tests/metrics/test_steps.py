"""Metrics of outputs that have a value for each step."""

from __future__ import annotations

import numpy as np
import pytest

from edgebuild.errors import DataError
from edgebuild.metrics.agreement import Agreement
from edgebuild.metrics.base import Samples
from edgebuild.metrics.max_error import MaxError
from edgebuild.metrics.pick import sliced
from edgebuild.metrics.sqnr import Sqnr
from edgebuild.metrics.top1 import Top1

SCORES = np.array([[[1, 0], [0, 1], [0, 1]], [[1, 0], [0, 1], [np.nan, np.nan]]], np.float32)
"""Of two samples, three steps and two steps."""


def of(outputs: np.ndarray, reference: np.ndarray | None = None) -> Samples:
    kept = outputs if reference is None else reference
    return Samples({"y": outputs}, {"y": kept}, {"": np.array([1, 1])}, ids=("a", "b"))


@pytest.mark.parametrize(
    ("step", "wanted"), [("last", [[0, 1], [0, 1]]), ("mean", [[1 / 3, 2 / 3], [0.5, 0.5]]), ("max", [[1, 1], [1, 1]])]
)
def test_a_metric_judges_the_step_it_names(step: str, wanted: list[list[float]]) -> None:
    metric = Top1(step=step)  # type: ignore[arg-type]

    np.testing.assert_allclose(sliced(metric, of(SCORES)).outputs["y"], wanted, rtol=1e-6)


def test_the_last_step_is_the_last_that_there_is() -> None:
    metric = Top1(step="last")

    assert metric.value(sliced(metric, of(SCORES))) == 100.0


def test_without_a_step_a_class_for_each_sample_has_no_meaning() -> None:
    with pytest.raises(DataError, match="step: last"):
        Top1().value(sliced(Top1(), of(SCORES)))


def test_one_number_has_no_steps() -> None:
    with pytest.raises(DataError, match="Leave `step` out"):
        sliced(Top1(step="last"), of(np.array([1, 2])))


def test_what_is_beyond_the_end_counts_in_no_comparison() -> None:
    other = SCORES.copy()
    other[1, 0] = [0, 1]
    samples = of(other, SCORES)

    assert MaxError().value(samples) == 1.0
    # Signal: 5 ones; noise: two numbers off by 1.
    assert Sqnr().value(samples) == pytest.approx(10 * np.log10(5 / 2))
    # All three steps of one sample, one of two of the other.
    assert Agreement().value(samples) == pytest.approx((100 + 50) / 2)


def test_nan_in_one_alone_is_no_end() -> None:
    other = SCORES.copy()
    other[0, 2] = np.nan

    assert np.isnan(MaxError().value(of(other, SCORES)))
    assert np.isnan(Sqnr().value(of(other, SCORES)))
