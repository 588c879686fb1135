"""One order and one set of names for equal ONNX graphs, however an exporter counted while it wrote them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgebuild.core.records import digest_of

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

COUNTER = re.compile(r"__\d+")
"""What tf2onnx puts behind a name; it depends on the order in which the exporter's process met things."""

SEPARATOR = b"\0"


def canonical(model: ModelProto) -> None:
    """Order the nodes and rename inner tensors and nodes in place; inputs and outputs keep their names.

    Each tensor is known by a hash over what computes it: operator, attributes, the hashes of its inputs, the bytes of
    constants. Nodes follow their inputs and else stand in the order of these hashes; names lose their counters and get
    new ones in that order. A graph with sub-graphs is left as it is, since these refer to outer tensors by name.
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
    """New names in the order of the nodes."""
    fixed = {item.name for item in (*graph.input, *graph.output)}
    new: dict[str, str] = {name: name for name in fixed} | {"": ""}
    unique = numbered(fixed)
    for node in graph.node:
        for name in (*node.input, *node.output):
            if name not in new:
                new[name] = unique(name)
    unique_node = numbered(set())
    for node in graph.node:
        node.name = unique_node(node.name or node.op_type)
        node.input[:] = [new[name] for name in node.input]
        node.output[:] = [new[name] for name in node.output]
    for item in (*graph.initializer, *graph.value_info):
        item.name = new.get(item.name, item.name)


def numbered(taken: set[str]) -> Callable[[str], str]:
    """A function that strips counters and makes a name distinct from all before."""
    seen = set(taken)

    def name(old: str) -> str:
        base = COUNTER.sub("", old) or "tensor"
        found, count = base, 1
        while found in seen:
            count += 1
            found = f"{base}_{count}"
        seen.add(found)
        return found

    return name
