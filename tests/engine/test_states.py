"""What a plan says before a build does it, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.engine.explain import explain
from edgebuild.engine.states import State, states
from tests.engine.conftest import Yard
from tests.engine.steps import CountAlone, Decline, Facts, Join, Needs, Say, Upper, Uses


def cone(text: str = "a", separator: str = "+") -> Graph:
    graph = Graph()
    upper = graph.add(Upper(source=graph.add(Say(text=text), "first")), "upper")
    other = graph.add(Say(text="other"), "other")
    graph.want("joined", graph.add(Join(sources=(upper, other), separator=separator), "joined"))
    return graph


def found(graph: Graph, yard: Yard) -> dict[str, State]:
    return {graph.label(step_id): state for step_id, state in states(graph, yard.store, "here").items()}


def names(graph: Graph, yard: Yard) -> dict[str, str]:
    return {label: state.name for label, state in found(graph, yard).items()}


def step_named(graph: Graph, label: str) -> str:
    return next(step_id for step_id in graph.steps if graph.label(step_id) == label)


def test_before_the_first_build_all_will_run(yard: Yard) -> None:
    assert set(names(cone(), yard).values()) == {"will run"}
    assert found(cone(), yard)["first"].why == "never built here"


def test_after_a_build_all_is_cached_with_its_cost(yard: Yard) -> None:
    yard.build(cone())
    after = found(cone(), yard)
    assert {state.name for state in after.values()} == {"cached"}
    assert all((state.last_s or 0) > 0 for state in after.values())


def test_below_a_step_that_will_run_nothing_is_certain(yard: Yard) -> None:
    yard.build(cone("a"))
    changed = found(cone("b"), yard)
    assert changed["first"] == State("will run", "parameter text", changed["first"].last_s)
    assert changed["upper"].name == "may run"
    assert changed["upper"].why == "only if first gives other bytes"
    assert changed["joined"].why == "only if first gives other bytes"
    assert changed["other"].name == "cached"


def test_states_run_nothing_and_agree_with_the_build(yard: Yard) -> None:
    yard.build(cone("a"))
    before = sorted((yard.store.root / "blobs").glob("*/*"))
    assert names(cone("a", "-"), yard)["joined"] == "will run"
    assert sorted((yard.store.root / "blobs").glob("*/*")) == before
    assert yard.ran(cone("a", "-")) == ["joined"]
    assert set(names(cone("a", "+"), yard).values()) == {"cached"}


def test_refused_due_and_unavailable_are_told_apart(yard: Yard) -> None:
    graph = Graph()
    declined = graph.add(Decline(why="no such op"), "declined")
    graph.want("upper", graph.add(Upper(source=declined), "upper"))
    graph.want("measured", graph.add(CountAlone(name="m"), "measured"))
    graph.want("needs", graph.add(Needs(), "needs"))
    assert names(graph, yard)["measured"] == "measurement due"
    yard.build(graph, keep_going=True)
    after = found(graph, yard)
    assert {label: state.name for label, state in after.items()} == {
        "declined": "refused",
        "upper": "refused",
        "measured": "cached",
        "needs": "unavailable",
    }
    assert after["upper"].why == "no such op"


def test_facts_of_the_machine_are_asked_so_that_a_plan_is_certain(yard: Yard) -> None:
    place = yard.folder / "machine.txt"
    place.write_text("cpu")
    graph = Graph()
    graph.want("upper", graph.add(Upper(source=graph.add(Facts(place=str(place)), "facts")), "upper"))
    yard.build(graph)
    assert names(graph, yard)["upper"] == "cached"
    place.write_text("other cpu")
    assert names(graph, yard)["upper"] == "will run"


def test_why_names_the_parameter_before_and_after_the_build(yard: Yard) -> None:
    yard.build(cone("a", "+"))
    graph = cone("a", "-")
    joined = step_named(graph, "joined")
    before = explain(graph, yard.store, joined, "here")
    assert before.state.name == "will run"
    assert [change.words() for change in before.changes] == ["parameter separator: '+' → '-'"]
    yard.build(graph)
    after = explain(graph, yard.store, joined, "here")
    assert after.state.name == "cached"
    assert after.changes == before.changes
    assert "last changed because of" in after.words()


def test_why_names_the_input_by_the_step_behind_it(yard: Yard) -> None:
    yard.build(cone("a"))
    yard.build(cone("b"))
    graph = cone("b")
    (change,) = explain(graph, yard.store, step_named(graph, "joined"), "here").changes
    assert (change.part, change.name) == ("input", "sources[0] (upper)")
    assert change.old != change.new


def test_why_of_a_step_never_built_says_so(yard: Yard) -> None:
    graph = cone()
    assert "never built here" in explain(graph, yard.store, step_named(graph, "other"), "here").words()


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution of version 1.0, as installed."""
    folder = tmp_path / "site-packages" / "edgebuild_test_tool-1.0.dist-info"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


def test_another_version_of_a_tool_reruns_its_steps_and_why_says_so(yard: Yard, tool: Path) -> None:
    graph = Graph()
    graph.want("uses", graph.add(Uses(), "uses"))
    assert yard.ran(graph) == ["uses"]
    assert yard.ran(graph) == []
    tool.rename(tool.with_name("edgebuild_test_tool-1.1.dist-info"))
    (change,) = explain(graph, yard.store, step_named(graph, "uses"), "here").changes
    assert change.words() == "tool edgebuild-test-tool: '1.0' → '1.1'"
    assert yard.ran(graph) == ["uses"]


def test_a_tool_that_is_being_developed_counts_by_its_files(yard: Yard, tool: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "tool.py").write_text("x = 1")
    (tool / "direct_url.json").write_text(f'{{"url": "file://{source}", "dir_info": {{"editable": true}}}}')
    graph = Graph()
    graph.want("uses", graph.add(Uses(), "uses"))
    assert yard.ran(graph) == ["uses"]
    (source / "tool.py").write_text("x = 2")
    assert yard.ran(graph) == ["uses"]
    (source / "tool.py").write_text("x = 1")
    assert yard.ran(graph) == []
