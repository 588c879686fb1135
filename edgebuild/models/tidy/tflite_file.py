"""A TFLite file as a tree of objects; its interface put in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SIGNATURE = "serving_default"


def read(content: bytes) -> Any:
    """The file as ai-edge-litert's object tree (`ModelT`)."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def write(model: Any) -> bytes:
    """The object tree as a file."""
    from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

    return bytes(convert_object_to_bytearray(model))


def operator_code(model: Any, op: Any) -> int:
    """What an operator is (`BuiltinOperator`)."""
    return row_code(model.operatorCodes[op.opcodeIndex])


def row_code(row: Any) -> int:
    """The same of a row in the table of operators; small codes stand in an older field."""
    return max(int(row.builtinCode), int(row.deprecatedBuiltinCode))


def tensor_types() -> dict[int, str]:
    """Number of a type of tensors to its name: `FLOAT32`."""
    from ai_edge_litert import schema_py_generated as schema

    return {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}


def with_interface(content: bytes, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> bytes:
    """The model with its inputs and outputs renamed, in this order, under one signature.

    Args:
        content: of a file with one graph.
        inputs: tensor name to the name it gets, in the order wanted.
        outputs: the same.

    Raises:
        KeyError: the graph lacks one of them; its name.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read(content)
    graph = model.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = renamed(graph, graph.inputs, inputs)
    signature.outputs = renamed(graph, graph.outputs, outputs)
    graph.inputs = [item.tensorIndex for item in signature.inputs]
    graph.outputs = [item.tensorIndex for item in signature.outputs]
    model.signatureDefs = [signature]
    return write(model)


def renamed(graph: Any, indices: Sequence[int], names: Mapping[str, str]) -> list[Any]:
    """Entries of a signature, in the order of `names`; the tensors themselves get their names too."""
    from ai_edge_litert import schema_py_generated as schema

    places = {graph.tensors[index].name.decode(): int(index) for index in indices}
    entries = []
    for old, new in names.items():
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = new, places[old]
        graph.tensors[places[old]].name = new
        entries.append(entry)
    return entries
