"""One order and one set of names for equal ONNX graphs, however an exporter counted while it wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.core.records import digest_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

SEPARATOR = b"\0"


def canonical(model: ModelProto) -> None:
    """Order the nodes and rename inner tensors and nodes in place; inputs and outputs keep their names.

    Each tensor is known by a hash over what computes it: operator, attributes, the hashes of its inputs, the bytes of
    constants. Nodes follow their inputs and else stand in the order of these hashes, and names follow that order. A
    graph with sub-graphs is left as it is, since these refer to outer tensors by name.
    """
    graph = model.graph
    if any(attribute.HasField("g") or attribute.graphs for node in graph.node for attribute in node.attribute):
        return
    known = {item.name: item.name.encode() for item in graph.input} | {"": b""}
    known |= {tensor.name: content_of(tensor) for tensor in graph.initializer}
    ordered = sorted_nodes(graph, known)
    del graph.node[:]
    graph.node.extend(ordered)
    rename_tensors(graph)
    initializers = sorted(graph.initializer, key=lambda tensor: str(tensor.name))
    del graph.initializer[:]
    graph.initializer.extend(initializers)
    values = sorted(graph.value_info, key=lambda item: str(item.name))
    del graph.value_info[:]
    graph.value_info.extend(values)


def content_of(tensor: Any) -> bytes:
    """A constant by type, shape and bytes, whatever its name."""
    from onnx import numpy_helper

    array = numpy_helper.to_array(tensor)
    return digest_of(f"{array.dtype}{array.shape}".encode() + array.tobytes()).encode()


def sorted_nodes(graph: GraphProto, known: dict[str, bytes]) -> list[NodeProto]:
    """Every node after those it reads, else by hash; `known` gets the hash of every tensor."""
    waiting = list(graph.node)
    ordered: list[NodeProto] = []
    while waiting:
        ready = [node for node in waiting if all(name in known for name in node.input)]
        assert ready, "the graph has a cycle, or a node reads what nothing makes"
        hashed = sorted(((hash_of(node, known), node) for node in ready), key=lambda pair: pair[0])
        for number, node in hashed:
            known.update({name: number + str(index).encode() for index, name in enumerate(node.output)})
            ordered.append(node)
        placed = {id(node) for node in ready}
        waiting = [node for node in waiting if id(node) not in placed]
    return ordered


def hash_of(node: NodeProto, known: dict[str, bytes]) -> bytes:
    """Of what a node computes."""
    attributes = sorted(attribute.SerializeToString(deterministic=True) for attribute in node.attribute)
    parts = [node.domain.encode(), node.op_type.encode(), *attributes, *(known[name] for name in node.input)]
    return digest_of(SEPARATOR.join(parts)).encode()


def rename_tensors(graph: GraphProto) -> None:
    """New names in the order of the nodes: `Conv_2`, its outputs `Conv_2_out`, constants after their first reader.

    An exporter's own names are lost: where it merges equal constants or nodes, chance decides whose name remains.
    """
    new: dict[str, str] = {item.name: item.name for item in (*graph.input, *graph.output)} | {"": ""}
    taken = set(new)
    for node, name in zip(graph.node, numbered([node.op_type for node in graph.node]), strict=True):
        node.name = name
        for side, given in (("in", node.input), ("out", node.output)):
            for index, old in enumerate(given):
                if old not in new:
                    wanted = f"{name}_{side}{index or ''}" if side == "out" else f"{name}_{side}{index}"
                    new[old] = wanted if wanted not in taken else f"{wanted}_"
        node.input[:] = [new[old] for old in node.input]
        node.output[:] = [new[old] for old in node.output]
    for item in (*graph.initializer, *graph.value_info):
        item.name = new.get(item.name, item.name)


def numbered(kinds: Sequence[str]) -> list[str]:
    """`Conv_1`, `Relu_1`, `Conv_2`: each with its number among its kind."""
    count: Counter[str] = Counter()
    names = []
    for kind in kinds:
        count[kind] += 1
        names.append(f"{kind}_{count[kind]}")
    return names
