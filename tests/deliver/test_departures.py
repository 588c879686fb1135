"""`--locked`: every decision is compared by name, numbers never; bytes that are nowhere are told as such."""

from __future__ import annotations

from typing import Any

import pytest

from edgebuild.core.dossier import Dossier
from edgebuild.core.wires import Refusal
from edgebuild.deliver.provenance.again import settled
from edgebuild.deliver.provenance.departures import Comparison, Departure
from edgebuild.deliver.provenance.records import Basis, Lock
from tests.decide.dossiers import candidates, dossier
from tests.deliver.test_lock import BASIS, NAME, altered, locked, scaled, with_verdict

OTHER = "sha256:" + "e" * 64


def compared(lock: Lock, *dossiers: Dossier, basis: Basis = BASIS, **options: Any) -> list[Departure]:
    bases = {item.target: basis for item in dossiers}
    return Comparison(lock, NAME, bases, **options).differences(dossiers)


def told(found: list[Departure]) -> list[str]:
    return [f"{item.problem.where}: {item.problem.what}" for item in found]


def file_changed(name: str, **changes: Any) -> Dossier:
    base = dossier()
    files = tuple(item.model_copy(update=changes) if item.name == name else item for item in base.candidates)
    return base.model_copy(update={"candidates": files})


def test_decisions_are_compared_and_latencies_never() -> None:
    assert compared(locked(dossier()), dossier()) == []
    assert compared(locked(dossier()), altered(dossier(), scaled(3.0))) == []


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"choice": "float16"}, "here.choice", "chooses `float16`, the lock has `int8`"),
        ({"source_digest": "sha256:" + "1" * 64}, "here.source", "the model is sha256:111111111111…"),
        ({"data_digest": ""}, "here.data", "the samples are nothing"),
        ({"runtime": "litert"}, "here.runtime", "runs on `litert`"),
        ({"verdicts": ()}, "here.verdicts", "is no budget any more"),
        ({"target": "new"}, "new", "is not in the lock"),
        ({"release": "9.9.9"}, "release", "the spec says `9.9.9`, the lock has `1.2.0`"),
        ({"name": "other"}, "name", "the spec says `other`, the lock has `digits`"),
    ],
)
def test_each_departure_has_place_words_and_fix(change: dict[str, Any], where: str, what: str) -> None:
    found = compared(locked(dossier()), dossier().model_copy(update=change))
    assert found
    assert all(item.problem.where.startswith(f"{NAME}: {where}") and item.problem.fix for item in found)
    assert what in found[0].problem.what
    assert {item.code for item in found} == {1}


def test_a_verdict_that_turned_is_a_departure() -> None:
    (found,) = compared(locked(dossier()), with_verdict(dossier(), 0, status="fail"))
    assert "is fail now, the lock has pass" in found.problem.what


def test_a_target_that_left_the_spec_is_a_departure_and_one_that_was_not_asked_for_is_none() -> None:
    lock = locked(dossier(), dossier(target="other"))
    (gone,) = compared(lock, dossier(), targets=("here",))
    assert "other: is in the lock, but is no target of the spec any more" in told([gone])[0]
    assert compared(lock, dossier(), targets=("here", "other")) == []


def test_a_candidate_that_is_newly_rejected_is_a_departure_with_the_tools_words() -> None:
    refusal = Refusal(kind="rejected", by="onnx 1.23.2", why="no such operator")
    (found,) = compared(locked(dossier()), file_changed("float16", refusal=refusal))
    assert "candidates: float16: is rejected by onnx now, the lock has made." in told([found])[0]
    assert "no such operator" in found.problem.what


def test_a_candidate_that_came_or_went_is_a_departure() -> None:
    fewer = dossier().model_copy(
        update={"candidates": tuple(item for item in dossier().candidates if item.name != "float16")}
    )
    assert (
        "float16: (made) is in the lock, but is no candidate any more." in told(compared(locked(dossier()), fewer))[0]
    )
    assert "float16: (made) is not in the lock." in told(compared(locked(fewer), dossier()))[0]


def test_a_candidate_lost_to_a_crash_says_nothing() -> None:
    refusal = Refusal(kind="failed", by="engine", why="died by SIGKILL.")
    assert compared(locked(dossier()), file_changed("float16", refusal=refusal)) == []


@pytest.mark.parametrize(
    ("basis", "words"),
    [
        (BASIS.model_copy(update={"objective": "minimize size"}), "here.objective: the objective is `minimize size`"),
        (BASIS.model_copy(update={"recipes": {"int8": OTHER}}), "here.recipe: the recipe of the choice is sha256:eee"),
        (
            BASIS.model_copy(update={"tools": {"int8": {"onnxruntime": "1.33.0", "numpy": "2.4.6"}}}),
            "here.tools.onnxruntime: is 1.33.0 here, the locked bytes were made with 1.32.0.",
        ),
        (
            BASIS.model_copy(update={"tools": {"int8": {"numpy": "2.4.6"}}}),
            "here.tools.onnxruntime: is not installed here",
        ),
    ],
)
def test_objective_recipe_and_tools_are_named(basis: Basis, words: str) -> None:
    (found,) = told(compared(locked(dossier()), dossier(), basis=basis))
    assert words in found


def test_other_bytes_of_the_same_making_are_bytes_that_are_nowhere_here() -> None:
    (found,) = compared(locked(dossier()), file_changed("int8", digest=OTHER))
    assert found.code == 4
    assert "the locked bytes of `int8`" in found.problem.what
    assert "--store" in found.problem.fix and "EDGEBUILD_STORE_LAYERS" in found.problem.fix


def test_other_bytes_of_other_tools_are_another_build_and_the_tools_are_named() -> None:
    tools = BASIS.model_copy(update={"tools": {"int8": {"onnxruntime": "1.33.0", "numpy": "2.4.6"}}})
    found = compared(locked(dossier()), file_changed("int8", digest=OTHER), basis=tools)
    assert {item.part for item in found} == {"artifact", "tools"}
    assert {item.code for item in found} == {1}


def test_a_lock_of_an_older_layout_is_one_problem_that_says_what_to_do() -> None:
    old = locked(dossier()).model_copy(update={"version": 1})
    (found,) = compared(old, dossier().model_copy(update={"choice": "float16"}))
    assert "older edgebuild" in found.problem.what
    assert found.problem.fix == "Build once without `--locked` to write it anew."


def test_where_some_candidates_alone_were_built_no_choice_is_compared() -> None:
    lock = locked(dossier())
    assert compared(lock, dossier().model_copy(update={"choice": "float16"}), limited=True) == []
    (found,) = compared(lock, dossier().model_copy(update={"source_digest": OTHER}), limited=True)
    assert found.part == "source"


FAIL = {"status": "fail", "why": "0.95 × source is 5.6 % over the limit."}


def ratio(value: float, spread: float = 0.01) -> dict[str, Any]:
    (int8,) = (item for item in candidates() if item.name == "int8")
    bounds = (value, value * (1 - spread), value * (1 + spread))
    return {"ratio": {**int8.ratio, "latency.p50": bounds}}


def again(value: float, **changes: Any) -> list[Departure]:
    lock = locked(dossier())
    now = with_verdict(file_changed("int8", **ratio(value)), 2, value=value, **changes)
    return compared(lock, settled(now, lock.targets["here"]))


def test_measured_again_a_verdict_that_the_new_numbers_contradict_is_a_departure() -> None:
    (found,) = again(0.95, **FAIL)
    assert "is fail now, the lock has pass" in found.problem.what


def test_measured_again_a_verdict_that_turned_within_the_noise_stands() -> None:
    assert again(0.69, **FAIL) == []


def test_measured_again_a_run_that_does_not_count_contradicts_nothing() -> None:
    assert again(0.95, status="inconclusive", why="The timing run does not count.") == []


def test_measured_again_a_verdict_on_samples_is_compared_as_it_is() -> None:
    lock = locked(dossier())
    now = settled(with_verdict(dossier(), 0, status="inconclusive"), lock.targets["here"])
    assert len(compared(lock, now)) == 1
