"""What the engine's tests share: a store, a build of small graphs, a watcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgebuild.core.graph import Graph
from edgebuild.core.step import Step
from edgebuild.engine.build import Options, build
from edgebuild.engine.listener import Listener
from edgebuild.engine.outcomes import Outcome
from edgebuild.engine.results import Results
from edgebuild.engine.store import Store


class Log:
    """Everything a build told."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.total = graph, 0
        self.begun: list[str] = []
        self.waited: list[tuple[str, str]] = []
        self.news: list[tuple[int, int, str]] = []
        self.ended: dict[str, tuple[Outcome, bool]] = {}

    def queued(self, total: int) -> None:
        self.total = total

    def started(self, step_id: str) -> None:
        self.begun.append(self.graph.label(step_id))

    def progress(self, step_id: str, done: int, total: int, what: str) -> None:
        self.news.append((done, total, what))

    def waiting(self, step_id: str, why: str) -> None:
        self.waited.append((self.graph.label(step_id) if step_id else "", why))

    def finished(self, step_id: str, outcome: Outcome, seconds: float, cached: bool) -> None:
        self.ended[self.graph.label(step_id)] = (outcome, cached)


class Yard:
    """Builds graphs in one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "store")

    def build(self, graph: Graph, listener: Listener | None = None, **options: Any) -> Results:
        with build(graph, self.store, Options(**{"jobs": 2, "workspace": "here", **options}), listener) as results:
            return results

    def ran(self, graph: Graph, **options: Any) -> list[str]:
        """Labels of the steps that ran, sorted."""
        return sorted(graph.label(step_id) for step_id in self.build(graph, **options).ran_steps)

    def blob(self, results: Results, name: str) -> Path:
        """Where the bytes of a wanted output lie in the store."""
        return self.store.blobs.place(results.digest(results.graph.wanted[name]))


def graph_of(**steps: Step) -> Graph:
    """Independent steps, each wanted under its name."""
    graph = Graph()
    for name, step in steps.items():
        graph.want(name, graph.add(step, name))
    return graph


def damage(path: Path) -> None:
    """Other bytes of the same length, as a bad disk gives."""
    path.chmod(0o644)
    path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path)
    yield yard
    yard.store.close()
