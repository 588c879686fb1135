"""Which source reaches which runtime, and on what way, for the README; told by the routes themselves."""

from __future__ import annotations

from typing import Any

from edgebuild.models.routes import FORMATS, ROUTES, Route, along
from edgebuild.runtimes import TARGETS, load_target
from edgebuild.runtimes.base import Target

INNER = ("onnx-checked", "onnx")
"""Formats that no user brings."""
OPENED = {"torch-weights": ("pt2", "your builder")}
"""Format to what it is opened as, and how."""


def routes_table() -> str:
    """A table in Markdown: a row for each format of a source, a column for each runtime, in each cell the way."""
    targets = [load_target(name) for name in TARGETS]
    lines = [
        f"| source | {' | '.join(target.title for target in targets)} |",
        f"|---|{'---|' * len(targets)}",
        *(
            f"| {FORMATS[source]} | {' | '.join(way(source, target) for target in targets)} |"
            for source in FORMATS
            if source not in INNER
        ),
    ]
    return "\n".join(lines) + "\n"


def way(source: str, target: type[Target]) -> str:
    """The conversions of the shortest route in words, whatever is installed here; `–` where none leads."""
    import networkx as nx

    opened, first = OPENED.get(source, (source, ""))
    graph: Any = nx.DiGraph()
    graph.add_nodes_from(FORMATS)
    for route in ROUTES:
        graph.add_edge(route.source, route.target, route=route)
    if not nx.has_path(graph, opened, target.format):
        return "–"
    told = [first] if first else []
    told += [words(route) for route in along(graph, opened, target.format)]
    told += [target.ends] if target.ends else []
    return " → ".join(told) or "as it is"


def words(route: Route) -> str:
    """Who does it: the library that decides how, or what is done where that is our own work."""
    return route.by or route.words
