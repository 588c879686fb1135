"""A graph of steps as a picture: mermaid, dot, or a layered SVG of its own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from edgebuild.core.graph import Graph

if TYPE_CHECKING:
    import networkx as nx

BOX_W, BOX_H, GAP_X, GAP_Y, PAD = 210, 34, 26, 46, 20

STYLE = (
    "<style>rect{fill:#f6f8fa;stroke:#8c959f}text{font:11px sans-serif;fill:#1f2328}path{fill:none;stroke:#8c959f}"
    "@media(prefers-color-scheme:dark){rect{fill:#161b22;stroke:#6e7681}text{fill:#e6edf3}path{stroke:#6e7681}}</style>"
)
"""Boxes of their own colour, so that lines pass behind the words, in light and dark."""


def network(graph: Graph) -> nx.DiGraph[str]:
    """The wanted part of the graph as networkx sees it: the fewest edges from steps to readers that say the order."""
    import networkx as nx

    whole = nx.DiGraph()
    whole.add_nodes_from(graph.steps)
    for step_id in graph.steps:
        whole.add_edges_from((need, step_id) for need in graph.needs(step_id))
    roots = {artifact.id for artifact in graph.wanted.values()}
    kept = set(roots).union(*(nx.ancestors(whole, root) for root in roots)) if roots else set(graph.steps)
    wanted = whole.subgraph([step_id for step_id in graph.steps if step_id in kept])
    drawn = nx.DiGraph()
    drawn.add_nodes_from(wanted)
    # What a step also reads by way of another needs no line of its own.
    drawn.add_edges_from(nx.transitive_reduction(wanted).edges)
    return drawn


def title(graph: Graph, step_id: str) -> str:
    """Kind of a step in words: `QuantizeStatic`."""
    return type(graph.steps[step_id]).__name__


def short(graph: Graph, step_id: str) -> str:
    """Its first name without the spec's."""
    return graph.label(step_id).split(": ", 1)[-1]


def draw(graph: Graph, form: str) -> str:
    """The picture as text, ending in a newline."""
    net = network(graph)
    return {"mermaid": mermaid, "dot": dot, "svg": svg}[form](graph, net)


def mermaid(graph: Graph, net: nx.DiGraph[str]) -> str:
    """A `flowchart`, as GitHub renders it."""
    names = {step_id: f"s{number}" for number, step_id in enumerate(net)}
    lines = ["flowchart LR"]
    lines += [f'  {names[i]}["{short(graph, i).replace(chr(34), chr(39))}"]' for i in net]
    lines += [f"  {names[a]} --> {names[b]}" for a, b in net.edges]
    return "\n".join(lines) + "\n"


def dot(graph: Graph, net: nx.DiGraph[str]) -> str:
    """Graphviz."""
    names = {step_id: f"s{number}" for number, step_id in enumerate(net)}
    lines = ["digraph edgebuild {", "  rankdir=LR; node [shape=box, fontname=sans];"]
    for i in net:
        label = short(graph, i).replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  {names[i]} [label="{label}", tooltip="{title(graph, i)}"];')
    lines += [f"  {names[a]} -> {names[b]};" for a, b in net.edges]
    return "\n".join([*lines, "}"]) + "\n"


def svg(graph: Graph, net: nx.DiGraph[str]) -> str:
    """Layers from top to bottom, each step below all it reads; readable in light and dark."""
    import networkx as nx

    place: dict[str, tuple[float, float]] = {}
    layers = list(nx.topological_generations(net))
    for row, layer in enumerate(layers):
        layers[row] = sorted(layer, key=lambda step_id: middle_of(net, step_id, layers[:row]))
    width = max((len(layer) for layer in layers), default=1) * (BOX_W + GAP_X) + PAD * 2
    for row, layer in enumerate(layers):
        left = (width - len(layer) * (BOX_W + GAP_X) + GAP_X) / 2
        for column, step_id in enumerate(layer):
            place[step_id] = (left + column * (BOX_W + GAP_X), PAD + row * (BOX_H + GAP_Y))
    height = PAD * 2 + len(layers) * (BOX_H + GAP_Y) - GAP_Y
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">',
            STYLE,
            *(edge(place[a], place[b]) for a, b in net.edges),
            *(box(graph, step_id, *place[step_id]) for step_id in net),
            "</svg>\n",
        ]
    )


def middle_of(net: nx.DiGraph[str], step_id: str, above: Sequence[Sequence[str]]) -> float:
    """Where what a step reads stands on average, from -0.5 to 0.5 of a layer: sorting by it leaves few crossings."""
    places = {name: (column + 0.5) / len(layer) - 0.5 for layer in above for column, name in enumerate(layer)}
    found = [places[name] for name in net.predecessors(step_id)]
    return sum(found) / len(found) if found else 0.0


def edge(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A curve from the foot of one box to the head of another."""
    x1, y1 = start[0] + BOX_W / 2, start[1] + BOX_H
    x2, y2 = end[0] + BOX_W / 2, end[1]
    middle = (y1 + y2) / 2
    return f'<path d="M{x1:.0f} {y1:.0f}C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"/>'


def box(graph: Graph, step_id: str, x: float, y: float) -> str:
    """One step, its name cut to the width and whole in the tooltip."""
    name = short(graph, step_id)
    shown = name if len(name) <= 34 else name[:33] + "…"
    return (
        f'<g><title>{escape(name)} ({title(graph, step_id)})</title><rect x="{x:.0f}" y="{y:.0f}" width="{BOX_W}" '
        f'height="{BOX_H}" rx="5"/><text x="{x + BOX_W / 2:.0f}" y="{y + 21:.0f}" text-anchor="middle">'
        f"{escape(shown)}</text></g>"
    )
