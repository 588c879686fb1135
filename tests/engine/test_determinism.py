"""Steps that are run again and compared."""

from __future__ import annotations

from pathlib import Path

from edgebuild.core.graph import Graph
from edgebuild.data.usercode import resolve
from edgebuild.engine.build import Options, build
from edgebuild.engine.determinism import Check, check_determinism, choose
from tests.engine.conftest import Yard, graph_of
from tests.engine.steps import CallUser, Facts, Join, Liar, Say, Stamp


def check(yard: Yard, graph: Graph, share: float = 1.0) -> Check:
    with build(graph, yard.store, Options(jobs=2)) as results:
        return check_determinism(graph, yard.store, results, share, Options())


def test_honest_steps_give_the_same_bytes(yard: Yard) -> None:
    graph = Graph()
    texts = [graph.add(Say(text=text), text) for text in ("a", "b")]
    graph.want("joined", graph.add(Join(sources=tuple(texts)), "joined"))
    assert check(yard, graph) == Check(3, ())


def test_a_step_that_claims_what_it_does_not_keep_is_named_and_nothing_stored_changes(yard: Yard) -> None:
    graph = graph_of(liar=Liar(name="x"))
    found = check(yard, graph)
    assert [problem.where for problem in found.problems] == ["liar"]
    assert "that once gave sha256:" in found.problems[0].what
    assert yard.build(graph).ran == 0


def test_user_code_that_draws_at_random_is_its_writers_to_seed(yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "drawn.py").write_text("import random\ndef read():\n    return random.random()\n")
    (problem,) = check(yard, graph_of(called=CallUser(code=resolve(tmp_path, "drawn.py:read")))).problems
    assert problem.fix.startswith("Seed what your function draws")


def test_steps_that_claim_nothing_are_left_alone(yard: Yard) -> None:
    place = yard.folder / "facts"
    place.write_text("x")
    assert check(yard, graph_of(stamp=Stamp(name="x"), facts=Facts(place=str(place)))).compared == 0


def test_a_share_is_at_least_one_and_in_order() -> None:
    steps = [f"step {number}" for number in range(40)]
    some = choose(steps, 0.1)
    assert len(some) == 4
    assert some == sorted(some, key=steps.index)
    assert len(choose(steps, 0.001)) == 1
    assert choose(steps, 1.0) == steps
