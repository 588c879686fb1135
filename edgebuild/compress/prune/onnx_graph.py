"""The channels of an ONNX model: its nodes in order, each by its rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgebuild.compress.onnx_nodes import captured
from edgebuild.compress.prune.channels import Axes, Network, Site, Weight, fixed

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

ENDS = ("Softmax", "LogSoftmax", "Hardmax", "ArgMax", "ArgMin", "TopK")
"""What a classifier ends in."""


@dataclass(frozen=True)
class Number:
    """A place where a node says how many channels there are."""

    node: int
    numbers: np.ndarray
    input: int | None = None
    """Of a constant input; None for the attribute `group`."""
    place: int = 0
    """In that input."""


@dataclass
class OnnxNetwork(Network):
    """The channels of an ONNX model."""

    model: Any = None
    constants: dict[str, Any] = field(default_factory=dict)
    """Stored arrays by name."""
    shapes: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    """Of every value, with its batch axis; None where open."""
    nodes: dict[str, int] = field(default_factory=dict)
    """Site to the place of its node in the graph."""
    inputs: dict[tuple[str, str], int] = field(default_factory=dict)
    """Site and weight to the place among the node's inputs."""
    numbers: list[Number] = field(default_factory=list)

    def site(self, name: str, place: int, positions: int, weights: dict[int, tuple[str, Axes]]) -> Site:
        """Note what a node stores: place among its inputs to a name and the channels along its axes."""
        site, node = Site(name), self.model.graph.node[place]
        for number, (word, axes) in weights.items():
            if number >= len(node.input) or not node.input[number]:
                continue
            shape = self.constants[node.input[number]].shape
            count = positions if word == "kernel" else 0
            placed = {axis % len(shape): item for axis, item in axes.items()}
            site.weights.append(Weight(word, tuple(shape), placed, count))
            self.inputs[name, word] = number
        self.sites[name], self.nodes[name] = site, place
        return site

    def stored(self) -> dict[tuple[str, str], np.ndarray]:
        """Every array that has channels."""
        return {
            (site.name, weight.name): self.constants[self.source(site.name, weight.name)]
            for site, weight in self.every_weight()
        }

    def source(self, site: str, weight: str) -> str:
        """Name of the stored array."""
        return str(self.model.graph.node[self.nodes[site]].input[self.inputs[site, weight]])


def onnx_network(model: ModelProto) -> OnnxNetwork:
    """The channels of an ONNX model; axis 0 of every value is its batch.

    Args:
        model: in topological order, as every model is; stays as it is.
    """
    from onnx import numpy_helper

    from edgebuild.compress.prune.onnx_rules import apply

    graph = model.graph
    network = OnnxNetwork(model=model, shapes=shapes_of(model))
    network.constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    values = {
        item.name: fixed(network.shapes[item.name][1:]) for item in graph.input if item.name not in network.constants
    }
    for place, node in enumerate(graph.node):
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            network.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            continue
        taken = {number: values[name] for number, name in enumerate(node.input) if name in values}
        made = apply(network, place, node, taken)
        for name in captured(node):
            if name in values:
                network.keep(named(model, place), "reads it in a branch or loop", [values[name]])
        values |= {name: item for name, item in zip(node.output, made, strict=True) if name}
    for item in graph.output:
        if item.name in values:
            network.channels.stay(values[item.name].numbers)
    answering = {item.name for item in graph.output}
    for place, node in enumerate(graph.node):
        # What answers keeps its width in any case; only what stays besides needs a reason.
        if answering & set(node.output) and node.op_type in ENDS:
            network.stay.pop(named(model, place), None)
    return network


def named(model: ModelProto, place: int) -> str:
    """A node by its name, with its place where several or none have it."""
    node = model.graph.node[place]
    count = sum(1 for item in model.graph.node if item.name == node.name)
    return str(node.name) if node.name and count == 1 else f"{node.op_type}_{place}"


def shapes_of(model: ModelProto) -> dict[str, tuple[int | None, ...]]:
    """Shapes of all values that can be told."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    return {
        item.name: tuple(axis.dim_value or None for axis in item.type.tensor_type.shape.dim)
        for item in (*graph.input, *graph.value_info, *graph.output)
    }
