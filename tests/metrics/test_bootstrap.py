"""Draws: seeded, by group, and covering."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from edgebuild.metrics import bootstrap
from edgebuild.metrics.base import Samples
from edgebuild.metrics.bootstrap import Draws
from edgebuild.metrics.f1 import F1
from edgebuild.metrics.function import Function
from edgebuild.metrics.mae import Mae
from edgebuild.metrics.max_error import MaxError


def of(output: Any, labels: Any) -> Samples:
    return Samples({"y": output}, {"y": output}, {"": labels})


def test_each_draw_holds_as_many_samples_as_there_are() -> None:
    weights = np.concatenate(list(Draws(30, (), seed=0, draws=200)))

    assert weights.shape == (200, 30)
    assert (weights.sum(axis=1) == 30).all()
    # Each sample is drawn once on average; the standard error of 200 draws is 0.07.
    assert weights.mean(axis=0) == pytest.approx(1, abs=0.3)


def test_the_seed_decides_the_draws_and_reading_twice_gives_the_same() -> None:
    one, two, other = (np.concatenate(list(Draws(9, (), seed, 50))) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()

    draws = Draws(9, (), 0, 50)
    np.testing.assert_array_equal(np.concatenate(list(draws)), np.concatenate(list(draws)))


def test_large_sets_are_drawn_in_pieces_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(Draws(50, (), 0, 20)))
    monkeypatch.setattr(bootstrap, "CHUNK_VALUES", 100)
    monkeypatch.setattr(bootstrap, "KEPT_VALUES", 10)
    draws = Draws(50, (), 0, 20)

    assert [piece.shape for piece in draws] == [(2, 50)] * 10
    np.testing.assert_array_equal(np.concatenate(list(draws)), whole)


def test_a_group_is_drawn_whole() -> None:
    groups = ("a", "b", "a", "c", "a")
    draws = Draws(5, groups, seed=0, draws=100)

    assert (draws.units, draws.words) == (3, "groups")
    for weights in np.concatenate(list(draws)):
        assert weights[0] == weights[2] == weights[4]
        assert Counter(groups).total() == 5 and weights[[0, 1, 3]].sum() == 3


def test_the_interval_of_a_mean_covers_it() -> None:
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        samples = of(rng.normal(size=60) ** 2, np.zeros(60))
        draws = Draws(60, (), seed, 400)
        found = bootstrap.interval(bootstrap.values(Mae(), samples, draws), draws)
        assert found is not None and found.low is not None and found.high is not None
        covered += found.low <= 1 <= found.high
    # A percentile interval of 60 skewed values covers about 0.92; three standard errors of 200 runs below.
    assert covered / 200 >= 0.86


def test_groups_widen_an_interval() -> None:
    rng = np.random.default_rng(0)
    level = np.repeat(rng.normal(size=20), 10) + 3
    samples = of(level, np.zeros(200))
    spans = []
    for groups in ((), tuple(f"g{row // 10}" for row in range(200))):
        draws = Draws(200, groups, 0, 1000)
        found = bootstrap.interval(bootstrap.values(Mae(), samples, draws), draws)
        assert found is not None and found.low is not None and found.high is not None
        spans.append(found.high - found.low)

    # Equal values in a group of ten: sqrt(10) times as wide.
    assert spans[1] / spans[0] == pytest.approx(10**0.5, rel=0.15)


def test_a_metric_without_a_quick_way_is_called_for_each_draw() -> None:
    samples = of(np.arange(12.0), np.zeros(12))
    slow = Function(function="m.py:f").bound(lambda outputs, labels: abs(outputs["y"] - labels).mean())
    draws = Draws(12, (), 0, 30)

    quick, called = (bootstrap.values(metric, samples, draws) for metric in (Mae(), slow))

    np.testing.assert_allclose(quick, called)  # type: ignore[arg-type]


def test_what_has_no_interval_has_none() -> None:
    samples = of(np.arange(12.0), np.zeros(12))
    draws = Draws(12, (), 0, MaxError().draws_wanted())
    assert bootstrap.interval(bootstrap.values(MaxError(), samples, draws), draws) is None

    one_group = Draws(12, ("g",) * 12, 0, 50)
    assert bootstrap.interval(bootstrap.values(Mae(), samples, one_group), one_group) is None
    assert bootstrap.upper(np.full(50, np.nan), one_group) is None


def test_the_method_says_what_was_drawn() -> None:
    samples = of(np.eye(2)[[0, 1, 0, 1]], np.array([0, 1, 1, 1]))
    draws = Draws(4, (), 0, 2000)
    drawn = bootstrap.values(F1(), samples, draws)

    two, one = bootstrap.interval(drawn, draws), bootstrap.upper(drawn, draws)
    assert two is not None and two.method == "bootstrap over samples, 2000 draws"
    assert one is not None and one.method == "paired bootstrap over samples, 2000 draws" and one.low is None
