"""A build as its reader sees it: what ran, and the texts that came out."""

from __future__ import annotations

from typing import NamedTuple

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.store import Store


class Read(NamedTuple):
    """One build."""

    code: int
    ran: list[str]
    """Labels of the steps that ran, sorted."""
    texts: dict[str, str]
    """Name of each wanted file to what it holds."""


def read(graph: Graph, store: Store, workspace: str = "here") -> Read:
    """Build in a store opened anew, so that nothing is known of it in this process, and read the wanted files."""
    layers = [layer.root for layer in store.layers]
    with (
        Store(store.root, layers) as opened,
        build(graph, opened, Options(jobs=2, keep_going=True, workspace=workspace)) as results,
    ):
        assert not results.exit_code, results.problems()
        files = {name: item for name, item in graph.wanted.items() if results.built(item)}
        texts = {name: path.read_text() for name, item in files.items() if (path := results.path(item)).is_file()}
        return Read(results.exit_code, sorted(graph.label(step_id) for step_id in results.ran_steps), texts)
