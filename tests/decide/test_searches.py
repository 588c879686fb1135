"""What a dossier keeps of a search, from the folder that the search itself writes."""

from __future__ import annotations

from pathlib import Path

from edgebuild.compress.search.precision.mixtures import Mixture
from edgebuild.core.dossier import Dossier
from edgebuild.core.searches import Search
from edgebuild.core.wires import Refusal
from edgebuild.decide import searches
from edgebuild.decide.dossier import DecideTarget
from edgebuild.decide.searches import read_search, slot_words
from tests.conftest import wire
from tests.decide.fronts import tried, written
from tests.decide.test_dossier import Target

ASKED = "static INT8 in some layers, searched by time: the fastest finalist"


def member(step: DecideTarget, **slots: int) -> DecideTarget:
    """The step with some of its entrants as members of the front."""
    entrants = tuple(
        entrant.model_copy(
            update={
                "search": wire("front").attempt(),
                "slot": slots[entrant.name],
                "searched": ASKED,
                "recipe": f"pruned; {ASKED}; with threads 2",
            }
        )
        if entrant.name in slots
        else entrant
        for entrant in step.entrants
    )
    return step.model_copy(update={"entrants": entrants})


def decided(target: Target, front: Path | Refusal, **slots: int) -> Dossier:
    from tests.conftest import Bench

    bench = Bench(target.folder / "work", **target.inputs, front=front)
    return Dossier.model_validate_json(bench.run(member(target.step(), **slots)).read_text(encoding="utf-8"))


def test_a_member_has_the_words_of_the_front_and_keeps_what_stands_about_them(tmp_path: Path) -> None:
    target = Target(tmp_path)
    found = decided(target, written(tmp_path), int8=0, half=1)
    assert found.candidate("int8").recipe == (
        "pruned; layers 2 to 3 of 4 in int8 (92 % of the multiplications); minmax ranges; with threads 2"
    )
    assert found.candidate("half").recipe == (
        "pruned; layer 2 of 4 in int8 (48 % of the multiplications); minmax ranges; with threads 2"
    )
    assert found.candidate("dyn").recipe == "dynamic INT8"


def test_a_search_is_told_once_though_several_candidates_come_of_it(tmp_path: Path) -> None:
    (search,) = decided(Target(tmp_path), written(tmp_path), int8=0, half=1, dyn=2).searches
    assert (search.name, search.ranked_by) == ("int8", "time")
    assert [(item.candidate, item.lowered, item.gain) for item in search.finalists] == [
        ("int8", (1, 2), 1.6),
        ("half", (1,), 1.1),
    ]
    assert len(search.trials) == 6
    assert (search.contended, search.refused, search.untold) == (1, 1, 0)
    assert search.refused_words == "quantizer: no node to quantize."
    assert [(item.scheme, item.gain, item.sqnr) for item in search.whole] == [("int8", 1.45, 32.0)]


def test_layers_have_their_part_of_the_work_and_what_they_cost_alone(tmp_path: Path) -> None:
    search = read_search(written(tmp_path), {0: "best"})
    assert [(item.name, item.part, item.sqnr) for item in search.layers] == [
        ("stem", 0.075, 30.0),
        ("block1", 0.475, 40.0),
        ("", 0.45, None),
        ("head", 0.0, 50.0),
    ]
    assert [item.candidate for item in search.finalists] == ["best"], "a slot that nobody took is no candidate"


def test_a_search_by_bits_says_so(tmp_path: Path) -> None:
    search = read_search(written(tmp_path, timed=False), {0: "best", 1: "best.2"})
    assert search.ranked_by == "bits"
    assert [item.gain for item in search.whole] == [4.0]


def test_a_search_that_was_refused_leaves_the_words_of_the_plan(tmp_path: Path) -> None:
    found = decided(Target(tmp_path), Refusal(kind="not applicable", by="search", why="nothing gained"), int8=0)
    assert found.searches == ()
    assert found.candidate("int8").recipe == f"pruned; {ASKED}; with threads 2"


def test_a_front_that_is_shorter_has_no_words_for_a_slot(tmp_path: Path) -> None:
    front = written(tmp_path)
    assert slot_words(front, 2) == ""


def test_of_too_many_trials_the_front_is_kept(tmp_path: Path) -> None:
    many = [tried(tmp_path, Mixture(first=0, last=3, floats=(1,), scheme=f"s{row}"), 0.5, 16.0) for row in range(500)]
    search = read_search(written(tmp_path, more=many), {0: "best", 1: "best.2"})
    assert len(search.trials) == searches.MOST
    assert search.untold == 106
    assert {(1.6, 34.0), (1.1, 41.0)} <= {(item.gain, item.sqnr) for item in search.trials}


def test_a_dossier_with_a_search_is_read_as_it_was_written(tmp_path: Path) -> None:
    search = read_search(written(tmp_path), {0: "best", 1: "best.2"})
    assert Search.model_validate_json(search.model_dump_json()) == search


def test_each_scheme_has_its_whole_model_beside_it(tmp_path: Path) -> None:
    dynamic = tried(tmp_path, Mixture(first=0, last=3, scheme="dynamic int8"), 1.2, 36.0)
    again = tried(tmp_path, Mixture(first=0, last=3, scheme="dynamic int8", ranges="entropy"), 1.2, 37.0)
    search = read_search(written(tmp_path, more=[dynamic, again]), {0: "best"})
    assert [(item.scheme, item.gain, item.sqnr) for item in search.whole] == [
        ("int8", 1.45, 32.0),
        ("dynamic int8", 1.2, 36.0),
    ]
    assert (search.scheme, search.cut, search.counted) == ("int8", False, "multiplications")
