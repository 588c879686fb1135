"""Files that an ONNX model keeps its weights in, found without loading onnx: the plan must know them and stay fast."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

MODEL_GRAPH, GRAPH_NODE, GRAPH_INITIALIZER = 7, 1, 5
NODE_ATTRIBUTE, ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH, ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS = 5, 5, 6, 10, 11
TENSOR_EXTERNAL, ENTRY_KEY, ENTRY_VALUE = 13, 1, 2
"""Numbers of the fields that lead to a location, from onnx.proto of onnx 1.23."""

FIXED64, DELIMITED, FIXED32 = 1, 2, 5
"""Wire types of protobuf; 0 is a varint."""

Span = tuple[int, int]


def external_files(model: Path) -> tuple[str, ...]:
    """Locations of external weights as the file writes them, sorted; none where it is no ONNX file at all."""
    if model.stat().st_size == 0:
        return ()
    found: set[str] = set()
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            for graph in parts(content, (0, len(content)), MODEL_GRAPH):
                found |= of_graph(content, graph)
        except (IndexError, UnicodeDecodeError):
            # No protobuf, or a damaged one: the import says so.
            found.clear()
    return tuple(sorted(found))


def of_graph(content: mmap.mmap, graph: Span) -> set[str]:
    """Locations in a graph and its sub-graphs."""
    found = {place for tensor in parts(content, graph, GRAPH_INITIALIZER) for place in of_tensor(content, tensor)}
    for node in parts(content, graph, GRAPH_NODE):
        for attribute in parts(content, node, NODE_ATTRIBUTE):
            for tensor in parts(content, attribute, ATTRIBUTE_TENSOR, ATTRIBUTE_TENSORS):
                found.update(of_tensor(content, tensor))
            for inner in parts(content, attribute, ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS):
                found |= of_graph(content, inner)
    return found


def of_tensor(content: mmap.mmap, tensor: Span) -> Iterator[str]:
    """The location of a tensor's data, where it is external."""
    for entry in parts(content, tensor, TENSOR_EXTERNAL):
        keys = [text(content, key) for key in parts(content, entry, ENTRY_KEY)]
        if keys == ["location"]:
            yield from (text(content, value) for value in parts(content, entry, ENTRY_VALUE))


def text(content: mmap.mmap, span: Span) -> str:
    """The UTF-8 text of a span."""
    return content[span[0] : span[1]].decode()


def parts(content: mmap.mmap, span: Span, *wanted: int) -> Iterator[Span]:
    """Where the length-delimited fields of these numbers lie in a message; the others are stepped over.

    Raises:
        IndexError: the bytes are no protobuf message.
    """
    position, end = span
    while position < end:
        tag, position = varint(content, position)
        kind = tag & 7
        if kind == DELIMITED:
            length, position = varint(content, position)
            if position + length > end:
                raise IndexError("a field is longer than its message")
            if tag >> 3 in wanted:
                yield position, position + length
            position += length
        elif kind == 0:
            _, position = varint(content, position)
        elif kind in (FIXED64, FIXED32):
            position += 8 if kind == FIXED64 else 4
        else:
            raise IndexError(f"no wire type {kind}")


def varint(content: mmap.mmap, position: int) -> tuple[int, int]:
    """A protobuf varint and the position after it."""
    value = shift = 0
    while True:
        byte = content[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise IndexError("a varint has at most ten bytes")
