"""The Pareto front over real dossiers and hand-made points."""

from __future__ import annotations

from edgebuild.decide.front import front
from tests.decide.dossiers import candidate, refused


def test_a_candidate_that_another_beats_everywhere_is_not_on_the_front() -> None:
    files = (
        candidate("source", "", p50_ms=1.0, size=100),
        candidate("worse", "", p50_ms=1.1, size=110, drop=0.5),
        candidate("smaller", "", p50_ms=1.2, size=50, drop=0.2),
    )

    assert front(files, ("accuracy",)) == ("source", "smaller")


def test_equal_points_are_all_on_the_front_and_refused_ones_are_not() -> None:
    files = (candidate("source", ""), candidate("twin", ""), refused("gone", ""))

    assert front(files, ("accuracy",)) == ("source", "twin")


def test_without_labels_the_parity_stands_for_accuracy() -> None:
    files = (candidate("source", ""), candidate("coarse", "", drop=1.0), candidate("quick", "", drop=1.0, p50_ms=0.1))

    assert front(files, ()) == ("source", "quick")
