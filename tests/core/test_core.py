"""The nouns: identity of a step, wires, graph, canonical bytes."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebuild.core.graph import Graph
from edgebuild.core.node import Node
from edgebuild.core.records import Here, OutsideKey, Record, canonical_json, digest_of, plain
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact, Attempt, UserCode, user_code, wires
from edgebuild.errors import Problem, Refused, Span, did_you_mean, words_of


class Make(Step):
    version = 1
    filename = "made.txt"

    number: int = 1
    place: Here = ""


class Join(Step):
    version = 1
    filename = "joined"

    parts: tuple[Artifact, ...] = ()
    spare: Attempt | None = None
    code: UserCode | None = None


class Whole(Record):
    number: float


def test_equal_parameters_are_one_node() -> None:
    graph = Graph()
    first, second = graph.add(Make(number=2), "a: make"), graph.add(Make(number=2), "b: make")

    assert first == second
    assert list(graph.steps) == [first.id]
    assert graph.labels[first.id] == ["a: make", "b: make"]


class Measure(Step):
    version = 1
    filename = "numbers"

    oldest_s: Annotated[float | None, OutsideKey()] = None
    marks: Annotated[tuple[str, ...], OutsideKey()] = ()

    def max_age(self) -> float | None:
        return self.oldest_s

    def merged(self, other: Measure) -> Measure:
        ages = [age for age in (self.oldest_s, other.oldest_s) if age is not None]
        return Measure(oldest_s=min(ages, default=None), marks=tuple(sorted({*self.marks, *other.marks})))


def test_where_two_equal_steps_are_one_both_have_their_say() -> None:
    graph = Graph()
    wire = graph.add(Measure(marks=("a",)))
    assert graph.add(Measure(oldest_s=60.0, marks=("b",))) == wire
    graph.add(Measure(oldest_s=90.0))
    assert (graph.nodes[wire.id].max_age, graph.steps[wire.id]) == (60.0, Measure(oldest_s=60.0, marks=("a", "b")))


def test_nodes_that_are_remembered_merge_without_being_loaded() -> None:
    loaded: list[float] = []

    def remembered(age: float) -> Node:
        step = Measure(oldest_s=age, marks=(str(age),))
        return Node(Node.of(step).row(), lambda: loaded.append(age) or step)  # type: ignore[func-returns-value]

    graph = Graph()
    for age in (90.0, 60.0, 120.0):
        graph.join(remembered(age))
    (node,) = graph.nodes.values()
    assert (node.max_age, loaded) == (60.0, [])
    assert node.step == Measure(oldest_s=60.0, marks=("120.0", "60.0", "90.0"))


def test_a_step_without_such_fields_keeps_nothing_of_its_equals() -> None:
    graph = Graph()
    first = Make(place="one")
    wire = graph.add(first)
    graph.add(Make(place="two"))
    assert graph.steps[wire.id] is first


def test_where_a_thing_lies_is_not_what_it_is() -> None:
    assert Make(place="one").id == Make(place="two").id


@given(st.integers(), st.integers())
def test_a_changed_parameter_is_another_step(one: int, two: int) -> None:
    assert (Make(number=one).id == Make(number=two).id) is (one == two)


def test_wires_are_found_at_any_depth_and_in_order() -> None:
    a, b = Make(number=1).out(), Make(number=2).out()
    step = Join(parts=(a, b / "inner/x.npz"), spare=a.attempt())

    assert [wire.id for wire in wires(step)] == [a.id, b.id, a.id]
    assert (b / "inner/x.npz").member == "inner/x.npz"
    assert (b / "inner" / "x.npz") == (b / "inner/x.npz")


def test_user_code_is_found_and_its_folder_is_no_parameter() -> None:
    here = Join(code=UserCode(root="/a", file="data.py", function="samples"))
    there = Join(code=UserCode(root="/b", file="data.py", function="samples"))

    assert next(user_code(here)).file == "data.py"
    assert here.id == there.id


def test_a_step_cannot_read_what_was_never_added() -> None:
    with pytest.raises(KeyError, match=r"made\.txt"):
        Graph().add(Join(parts=(Make().out(),)))


def test_a_record_survives_json() -> None:
    step = Join(parts=(Make().out(),), spare=Make(number=3).out().attempt())

    assert Join.model_validate_json(step.model_dump_json()) == step


def test_canonical_json_tells_one_from_one_point_zero_and_sorts() -> None:
    assert canonical_json({"b": 1, "a": 1.0}) == b'{"a":1.0,"b":1}'
    assert plain({"s": {"b", "a"}}) == {"s": ["a", "b"]}
    assert canonical_json("e\u0301") == canonical_json("\u00e9")


def test_what_has_no_canonical_form_is_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        canonical_json(Whole(number=float("nan")))
    with pytest.raises(TypeError, match="object"):
        canonical_json(object())


def test_golden_identities_do_not_drift() -> None:
    # A change here is a change of every key in every store: bump deliberately.
    assert digest_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert canonical_json(["k", 1, Make(number=2)]) == b'["k",1,{"environment":{},"number":2}]'


def test_a_problem_shows_the_line_a_caret_and_the_fix() -> None:
    span = Span("a.yaml", 7, 5, 8, "    precison: int8")
    text = Problem("targets.cpu.precison", "unknown key `precison`.", "Say `precision`.", span).render()

    assert text.splitlines() == [
        "a.yaml:7:5: targets.cpu.precison: unknown key `precison`.",
        "   7 |     precison: int8",
        "     |     ^^^^^^^^",
        "  fix: Say `precision`.",
    ]


def test_a_tool_that_raises_is_quoted() -> None:
    with pytest.raises(Refused) as caught, words_of("onnxsim 0.8.1"):
        raise RuntimeError("no such op")

    assert (caught.value.by, caught.value.why, caught.value.kind) == (
        "onnxsim 0.8.1",
        "RuntimeError: no such op",
        "rejected",
    )


def test_near_words_are_suggested_and_far_ones_are_not() -> None:
    assert did_you_mean("precison", ["precision", "threads"]) == "; did you mean `precision`?"
    assert did_you_mean("zzz", ["precision"]) == ""
