"""Rename the inputs and outputs of an ONNX graph in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgebuild.errors import Refused

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto


def rename_interface(model: ModelProto, inputs: Sequence[str], outputs: Sequence[str], by: str) -> None:
    """Give the graph's inputs and outputs these names, in their order.

    An output that is an input too, or that other nodes read, keeps its readers.

    Raises:
        Refused: the graph has another number of either, so that an exporter dropped or added one.
    """
    graph = model.graph
    for side, values, names in (("inputs", graph.input, inputs), ("outputs", graph.output, outputs)):
        if len(values) != len(names):
            has = ", ".join(value.name for value in values) or "none"
            raise Refused(by=by, why=f"the converted graph has the {side} {has}; the model has {', '.join(names)}.")
    given = [value.name for value in graph.input]
    found = [value.name for value in graph.output]
    new = dict(zip([*given, *found], [*inputs, *outputs], strict=True))
    taken = set(new.values())
    for name in every_name(graph) - set(new):
        if name in taken:
            new[name] = f"{name}__inner"
    rename(graph, {old: name for old, name in new.items() if old != name})


def every_name(graph: GraphProto) -> set[str]:
    """Names of all tensors in a graph, those of its sub-graphs too."""
    names = {item.name for item in (*graph.input, *graph.output, *graph.initializer, *graph.value_info)}
    for node in graph.node:
        names.update(node.input)
        names.update(node.output)
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                names |= every_name(inner)
    return names


def rename(graph: GraphProto, new: Mapping[str, str]) -> None:
    """Rename tensors wherever they stand, in sub-graphs too."""
    for item in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        item.name = new.get(item.name, item.name)
    for node in graph.node:
        for side in (node.input, node.output):
            side[:] = [new.get(name, name) for name in side]
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                rename(inner, new)
