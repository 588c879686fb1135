"""What a build runs, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.results import Results
from edgebuild.engine.store import Store
from tests.engine.steps import Join, Say, Upper


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def cone(text: str, separator: str = "+") -> Graph:
    graph = Graph()
    first = graph.add(Say(text=text), "first")
    upper = graph.add(Upper(source=first), "upper")
    other = graph.add(Say(text="other"), "other")
    graph.want("joined", graph.add(Join(sources=(upper, other), separator=separator), "joined"))
    return graph


def run(graph: Graph, store: Store, **options: object) -> Results:
    return build(graph, store, Options(**options))  # type: ignore[arg-type]


def test_first_build_runs_all_and_the_second_nothing(store: Store) -> None:
    graph = cone("a")
    with run(graph, store) as first:
        assert (first.ran, first.hits, first.exit_code) == (4, 0, 0)
        assert first.path(graph.wanted["joined"]).read_text() == "A+other"
    with run(graph, store) as second:
        assert (second.ran, second.hits) == (0, 4)
        assert second.path(graph.wanted["joined"]).read_text() == "A+other"
