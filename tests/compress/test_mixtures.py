"""Which mixtures a search tries, and which of them it keeps."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edgebuild.compress.search.front import finalist
from edgebuild.compress.search.pareto import hypervolume
from edgebuild.compress.search.precision.bits import quietest
from edgebuild.compress.search.precision.frontier import CORNER, FLOOR_DB, Tried, front, spread, worthwhile
from edgebuild.compress.search.precision.mixtures import (
    LEAST_WORK,
    Layer,
    Mixture,
    coarse,
    exceptions,
    fresh,
    neighbours,
)
from edgebuild.core.wires import Artifact


def layers(*macs: int) -> list[Layer]:
    return [Layer(name=f"layer{index}", op="Conv", macs=count) for index, count in enumerate(macs)]


def tried(gain: float, sqnr: float, first: int = 0) -> Tried:
    mixture = Mixture(first=first, last=first + 1)
    return Tried(mixture, Artifact(id="x", filename="m.onnx"), Path("m.onnx"), sqnr, None, gain)


def test_the_coarse_regions_hold_the_whole_and_enough_work() -> None:
    found = coarse(layers(*[100] * 28), Mixture(first=0, last=27))
    assert (found[0].first, found[0].last) == (0, 27)
    assert len(found) <= 55
    assert all(item.work(layers(*[100] * 28)) >= LEAST_WORK for item in found)
    assert {item.first for item in found} <= set(range(0, 28, 3))


def test_a_small_network_is_tried_at_every_border() -> None:
    found = {(item.first, item.last) for item in coarse(layers(1, 1, 1, 1), Mixture(first=0, last=3))}
    assert found == {(start, end) for start in range(4) for end in range(start, 4)}


def test_layers_of_unknown_size_count_alike() -> None:
    assert Mixture(first=0, last=1).work(layers(0, 0, 0, 0)) == 0.5


@given(st.integers(1, 60), st.data())
def test_neighbours_stay_inside_the_network(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, count - 1))
    mixture = Mixture(first=first, last=data.draw(st.integers(first, count - 1)))
    for near in neighbours(mixture, count):
        assert 0 <= near.first <= near.last < count
        assert near != mixture


def test_exceptions_are_the_noisiest_inside_a_region() -> None:
    found = list(exceptions(Mixture(first=0, last=4), [9.0, 0.1, 0.3, 0.2, 9.0], 2))
    assert [item.floats for item in found] == [(2,), (3,), (2, 3)]
    assert found[0].layers == (0, 1, 3, 4)


def test_what_was_tried_is_not_tried_again() -> None:
    one, two = Mixture(first=0, last=1), Mixture(first=0, last=2)
    assert fresh([one, two, two], [one]) == [two]


def test_the_front_holds_what_nothing_beats() -> None:
    best, near, beaten = tried(1.5, 30.0), tried(1.2, 40.0, 1), tried(1.1, 35.0, 2)
    assert front([beaten, near, best]) == [best, near]


def test_the_area_is_that_of_the_steps_above_fifteen_decibels() -> None:
    # 0.5 x (30 - 15) and 0.2 x (40 - 30).
    assert abs(hypervolume([(1.5, 30.0), (1.2, 40.0)], CORNER) - 9.5) < 1e-9
    assert hypervolume([(0.9, 60.0), (2.0, FLOOR_DB - 1)], CORNER) == 0.0


def test_members_cover_the_most_and_come_fastest_first() -> None:
    items = [tried(1.5, 30.0), tried(1.49, 30.1, 1), tried(1.2, 40.0, 2)]
    assert spread(items, 2) == [items[0], items[2]]
    assert spread(items, 9) == items
    assert worthwhile([tried(1.0, 50.0)]) == []


def test_words_say_which_layers_and_how_much_of_the_work() -> None:
    five = layers(10, 10, 10, 10, 60)
    assert Mixture(first=0, last=4).words(five) == "all 5 layers in int8 (100 % of the multiplications); minmax ranges"
    one = Mixture(first=1, last=4, floats=(2,), ranges="entropy")
    words = "layers 2 to 5 of 5 in int8 (80 % of the multiplications), all but 3; entropy ranges"
    assert one.words(five) == words
    assert Mixture(first=4, last=4).words(five) == "layer 5 of 5 in int8 (60 % of the multiplications); minmax ranges"


def test_without_a_clock_the_noisiest_layers_keep_their_bits() -> None:
    whole = Mixture(first=0, last=3, scheme="4-bit storage", others="8-bit storage")
    found = quietest([0.1, 0.4, 0.2, 0.3], whole)
    assert [item.floats for item in found] == [(), (1,), (1, 3), (1, 2, 3)]
    words = "all 4 layers in 4-bit storage (75 % of the weights), all but 2; the others in 8-bit storage"
    assert found[1].words(layers(1, 1, 1, 1)) == words


def test_finalists_have_their_place_in_words() -> None:
    words = [finalist(slot, "fastest") for slot in (0, 1, 2, 3)]
    assert words == [f"the {place}fastest finalist" for place in ("", "2nd ", "3rd ", "4th ")]
