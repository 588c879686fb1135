"""Which source reaches which runtime, and on what way, for the README; told by the routes themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgebuild.models.routes import FORMATS, ROUTES, Route, along

TARGETS: Mapping[str, str] = {"ONNX Runtime": "onnx", "LiteRT": "tflite", "Core ML": "onnx", "TensorRT": "onnx"}
"""Runtime to the format that it takes; Core ML and TensorRT turn ONNX into their own form themselves."""
INNER = ("onnx-checked", "onnx")
"""Formats that no user brings."""
OPENED = {"torch-weights": ("pt2", "build the program with the user's function")}
"""Format to what it is opened as, and how."""


def routes_table() -> str:
    """A table in Markdown: a row for each format of a source, a column for each runtime, in each cell the way."""
    lines = [
        f"| source | {' | '.join(TARGETS)} |",
        f"|---|{'---|' * len(TARGETS)}",
        *(
            f"| {FORMATS[source]} | {' | '.join(way(source, target) for target in TARGETS.values())} |"
            for source in FORMATS
            if source not in INNER
        ),
    ]
    return "\n".join(lines) + "\n"


def way(source: str, target: str) -> str:
    """The conversions of the shortest route in words, whatever is installed here; `–` where none leads."""
    import networkx as nx

    opened, first = OPENED.get(source, (source, ""))
    graph: Any = nx.DiGraph()
    graph.add_nodes_from(FORMATS)
    for route in ROUTES:
        graph.add_edge(route.source, route.target, route=route)
    if not nx.has_path(graph, opened, target):
        return "–"
    told = [first] if first else []
    told += [words(route) for route in along(graph, opened, target)]
    return ", ".join(told) or "as it is"


def words(route: Route) -> str:
    """`convert to ONNX (tf2onnx)`: what a conversion does, and the library that decides how."""
    return f"{route.words} ({route.by})" if route.by else route.words
