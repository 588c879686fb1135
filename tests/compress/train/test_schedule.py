"""Learning rates by epoch, and how many epochs fit into a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebuild.compress.train.schedule import affordable, cooling_from, rates


@given(st.integers(1, 60), st.integers(1, 60))
def test_a_longer_cooldown_begins_as_a_shorter_one(short: int, more: int) -> None:
    before, after = rates("cooldown", 1e-3, short), rates("cooldown", 1e-3, short + more)
    assert before[: cooling_from(short)] == after[: cooling_from(short)]
    assert set(after[: cooling_from(short + more)]) <= {1e-3}


def test_rates_fall_by_half_a_cosine() -> None:
    assert rates("cosine", 1.0, 2) == pytest.approx((0.853553391, 0.146446609))
    assert rates("constant", 0.5, 3) == (0.5, 0.5, 0.5)
    # The last third of six, each epoch at its middle.
    assert rates("cooldown", 1.0, 6) == pytest.approx((1, 1, 1, 1, 0.853553391, 0.146446609))


def test_one_epoch_has_a_rate() -> None:
    for schedule in ("cooldown", "cosine", "constant"):
        assert rates(schedule, 1.0, 1)[0] >= 0.5  # type: ignore[arg-type]


def test_as_many_epochs_as_fit_into_the_time() -> None:
    assert affordable(20, 0, 0.0, 60) == 20
    assert affordable(20, 5, 10.0, None) == 20
    assert affordable(20, 5, 10.0, 30) == 15
    assert affordable(20, 5, 10.0, 1000) == 20
    # What is done is done.
    assert affordable(20, 5, 10.0, 4) == 5
