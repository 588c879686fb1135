"""The channels of a Keras model: its layers in order, each by its rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgebuild.compress.prune.account import BY
from edgebuild.compress.prune.channels import Axes, Lanes, Network, Site, Weight, fixed
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np

ENDS = ("Softmax", "LogSoftmax", "softmax", "log_softmax")
"""What a classifier ends in: layers, and activations of layers."""


@dataclass
class Edit:
    """A number in a layer's configuration that says how many channels there are."""

    key: str
    place: int | None
    """In a list of sizes."""
    numbers: np.ndarray


@dataclass
class KerasNetwork(Network):
    """The channels of a Keras model, and where its layers say how many they are."""

    layers: dict[str, Any] = field(default_factory=dict)
    """By path: `block/conv` where a model is a layer of another."""
    edits: dict[int, list[Edit]] = field(default_factory=dict)
    """By `id` of the layer."""
    reads: dict[int, list[Lanes]] = field(default_factory=dict)
    """What models that are layers read, by their `id`."""
    answering: frozenset[str] = frozenset()
    """Layers that make the outputs."""

    def path(self, layer: Any) -> str:
        """The name of a layer that was met."""
        return next(path for path, known in self.layers.items() if known is layer)

    def site(self, layer: Any, positions: int, **weights: Axes) -> Site:
        """Note what a layer stores; at its second call its channels are those of the first."""
        name = self.path(layer)
        if name in self.sites:
            return self._again(self.sites[name], positions, weights)
        site = self.sites[name] = Site(name)
        for weight, axes in weights.items():
            stored = getattr(layer, weight, None)
            if stored is not None:
                shape = tuple(stored.shape)
                placed = {axis % len(shape): item for axis, item in axes.items()}
                count = positions if "kernel" in weight else 0
                site.weights.append(Weight(weight, shape, placed, count))
        return site

    def _again(self, site: Site, positions: int, weights: dict[str, Axes]) -> Site:
        for number, known in enumerate(site.weights):
            for axis, (_, numbers) in weights[known.name].items():
                self.channels.tie(known.axes[axis % len(known.shape)][1], numbers)
            if known.positions:
                site.weights[number] = Weight(known.name, known.shape, known.axes, known.positions + positions)
        return site

    def enters(self, model: Any, given: Sequence[Lanes]) -> None:
        """Note what a model that is a layer reads: the same channels at every call."""
        for first, now in zip(self.reads.setdefault(id(model), list(given)), given, strict=True):
            self.channels.tie(first.numbers, now.numbers)

    def says(self, layer: Any, key: str, numbers: np.ndarray, place: int | None = None) -> None:
        """Note that a layer's configuration holds the number of these channels."""
        self.edits.setdefault(id(layer), []).append(Edit(key, place, numbers))


def keras_network(model: Any) -> KerasNetwork:
    """The channels of a Keras model.

    Args:
        model: Functional or Sequential, and built; models that are layers of it are walked, too.

    Raises:
        Refused: kind "not applicable": it is of a class of its own, whose calls nobody can see.
    """
    makers = (item._keras_history.operation for item in functional(model).outputs)
    network = KerasNetwork(answering=frozenset(layer.name for layer in makers))
    found = walk(network, model, [fixed(item.shape[1:]) for item in functional(model).inputs], "")
    for value in found:
        network.channels.stay(value.numbers)
    return network


def walk(network: KerasNetwork, model: Any, given: Sequence[Lanes], prefix: str) -> list[Lanes]:
    """The channels of a model's outputs, from those of its inputs."""
    from edgebuild.compress.prune.keras_rules import apply

    graph = functional(model)
    values = {id(item): value for item, value in zip(graph.inputs, given, strict=True)}
    for node in in_order(graph):
        layer, tensors = node.operation, node.arguments.keras_tensors
        if all(id(item) in values for item in node.output_tensors):
            continue
        taken = [values[id(item)] for item in tensors]
        if not any(layer is known for known in network.layers.values()):
            network.layers[prefix + layer.name] = layer
        if is_graph(layer):
            network.enters(layer, taken)
            made = walk(network, layer, taken, f"{prefix}{layer.name}/")
        else:
            made = apply(network, layer, node, taken)
        values |= {id(item): value for item, value in zip(node.output_tensors, made, strict=True)}
    return [values[id(item)] for item in graph.outputs]


def functional(model: Any) -> Any:
    """The graph of a model.

    Raises:
        Refused: it has none.
    """
    if not is_graph(model):
        raise Refused(
            by=BY,
            why="the model is a class of its own, or not built: which layer reads which cannot be seen.",
            fix="Build it of layers by `keras.Model(inputs, outputs)` or `keras.Sequential`.",
            kind="not applicable",
        )
    return getattr(model, "_functional", model)


def is_graph(layer: Any) -> bool:
    """Whether a layer is a model made of layers, and computes what they compute."""
    graph = getattr(layer, "_functional", layer)
    own = type(layer).call.__module__ if hasattr(type(layer), "call") else ""
    return hasattr(graph, "_nodes_by_depth") and own.startswith("keras.src.")


def in_order(model: Any) -> Iterator[Any]:
    """The calls of a model's layers, each after those it reads."""
    import networkx as nx

    graph: Any = nx.DiGraph()
    makers: dict[int, Any] = {}
    calls = [node for nodes in model._nodes_by_depth.values() for node in nodes]
    for node in calls:
        graph.add_node(id(node), call=node)
        makers |= {id(item): node for item in node.output_tensors}
    for node in calls:
        for item in node.arguments.keras_tensors:
            if id(item) in makers and makers[id(item)] is not node:
                graph.add_edge(id(makers[id(item)]), id(node))
    # Ties as Keras has the layers: addresses are others in each process, and with them would be the numbers.
    place = {id(node): number for number, node in enumerate(calls)}
    for found in nx.lexicographical_topological_sort(graph, key=lambda item: -place[item]):
        yield graph.nodes[found]["call"]
