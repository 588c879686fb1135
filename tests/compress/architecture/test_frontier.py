"""Which trials go on and which are kept, and that Optuna is asked the same again."""

from __future__ import annotations

import random

from edgebuild.compress.search.architecture.frontier import Tried, hopeless, rungs, spread
from edgebuild.compress.search.architecture.space import Axes, Choices, usual, words
from edgebuild.compress.search.architecture.study import Study
from edgebuild.compress.search.pareto import dominates, hypervolume, pareto_front
from edgebuild.core.wires import Artifact

WIRE = Artifact(id="x", filename="x.keras")
AXES = Axes(width=(0.25, 0.5, 1.0), depth=(1, 2, 3), kernel=(3, 5))


def tried(gain: float, *scores: float) -> Tried:
    return Tried({"width": gain}, WIRE, WIRE, gain=gain, macs=1, weights=1, scores=list(scores))


def test_a_trial_trains_three_times_as_long_at_each_rung() -> None:
    assert [rungs(count) for count in (1, 2, 3, 9, 20)] == [(1,), (2,), (1, 3), (1, 3, 9), (2, 6, 20)]


def test_a_trial_ends_early_where_several_are_better_in_both() -> None:
    others = [tried(2, 80.0), tried(3, 70.0), tried(1, 95.0)]
    assert hopeless(tried(1.5, 60.0), others)
    # The slowest of all, but the best: it goes on.
    assert not hopeless(tried(0.5, 96.0), others)
    # The fastest of all, however bad.
    assert not hopeless(tried(4, 10.0), others)
    # One alone may be luck.
    assert not hopeless(tried(0.9, 90.0), others)


def test_a_trial_is_compared_with_what_others_were_at_the_same_rung() -> None:
    others = [tried(2, 50.0, 90.0), tried(3, 52.0, 91.0), tried(2.5, 51.0)]
    assert not hopeless(tried(1, 60.0), others)
    assert not hopeless(tried(1, 60.0, 89.0), [*others[:1], others[2]])
    assert hopeless(tried(1, 60.0, 89.0), others)


def test_nothing_dominates_a_member_of_the_front_and_something_every_other() -> None:
    draw = random.Random(0)
    every = [tried(draw.random(), draw.random()) for _ in range(60)]
    kept = pareto_front(every)
    assert kept == sorted(kept, key=lambda item: -item.gain)
    for item in every:
        beaten = any(dominates(other.point, item.point) for other in every)
        assert beaten is (item not in kept)


def test_a_front_covers_rectangles_beyond_its_corner() -> None:
    assert hypervolume([(3, 1), (1, 3)], (0, 0)) == 3 + 2
    assert hypervolume([(3, 1), (2, 0.5)], (0, 0)) == 3
    assert hypervolume([], (0, 0)) == 0


def test_few_of_a_front_are_those_that_cover_the_most() -> None:
    every = [tried(1, 10), tried(1.01, 9.9), tried(2, 8), tried(3, 1)]
    assert [item.gain for item in spread(every, 3)] == [3, 2, 1]
    assert spread(every, 10) == pareto_front(every)
    assert spread([], 3) == []
    # A front of one has no size.
    assert [item.gain for item in spread([tried(1, 5)], 2)] == [1]


def valued(choices: Choices) -> tuple[float, float]:
    """Smaller ones are faster, larger ones better; the large kernel is nothing but slow."""
    size = choices["width"] * choices["depth"] * choices["kernel"]
    return 1 / size, choices["width"] * choices["depth"]


def asked(seed: int, count: int) -> list[Choices]:
    study, found = Study(AXES, seed), []
    while len(found) < count:
        positions = study.ask()
        if positions is None:
            break
        found.append(AXES.at(positions))
        study.tell(positions, None if found[-1]["depth"] == 2 else valued(found[-1]))
    return found


def test_the_same_seed_asks_for_the_same_networks_and_never_twice() -> None:
    first = asked(0, 12)
    assert first == asked(0, 12)
    assert first[:7] == asked(0, 7)
    assert len({words(item) for item in first}) == 12
    assert first != asked(1, 12)


def test_a_study_begins_with_the_ends_and_knows_when_all_is_tried() -> None:
    every = asked(0, 100)
    assert len(every) == AXES.size() == 18
    assert [words(item) for item in every[:2]] == ["width 0.25, depth 1, kernel 3", "width 1, depth 3, kernel 5"]


def test_built_in_spaces_have_something_to_choose() -> None:
    for space in ("mobilenet", "ds-cnn"):
        assert usual(space).size() >= 20
    assert len(Axes(width=(1.0,)).corners()) == 1
