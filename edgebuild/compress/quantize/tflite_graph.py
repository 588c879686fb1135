"""A TFLite file read as a graph: names for inputs and outputs, ranks, and what its operators compute in."""

from __future__ import annotations

from collections import Counter
from typing import Any

from edgebuild.models.tidy.tflite_file import SIGNATURE, operator_code, read, tensor_types, write

INTEGER_TYPES = ("INT8", "UINT8", "INT16", "INT4")
BORDERS = ("QUANTIZE", "DEQUANTIZE")


def with_signature(content: bytes) -> bytes:
    """The same model with a signature, from its cleaned tensor names where it has none.

    Only a signature keeps the name of an output whose tensor a quantizer replaces. Files of before 2020 name their
    operators in a field that quantizers do not read any more; they get both.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read(content)
    old = [code for code in model.operatorCodes or () if code.builtinCode < code.deprecatedBuiltinCode]
    for code in old:
        code.builtinCode = code.deprecatedBuiltinCode
    if model.signatureDefs:
        return write(model) if old else content
    graph = model.subgraphs[0]

    def named(indices: Any) -> list[Any]:
        maps = []
        for index in indices:
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = clean(graph.tensors[index].name), int(index)
            maps.append(entry)
        return maps

    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs, signature.outputs = named(graph.inputs), named(graph.outputs)
    model.signatureDefs = [signature]
    return write(model)


def clean(name: Any) -> str:
    """A tensor's name without what exporters put around it."""
    text = name.decode() if isinstance(name, bytes) else str(name)
    return text.removesuffix(":0").removeprefix("serving_default_")


def ranks(content: bytes) -> dict[str, int]:
    """Number of axes of each tensor, by name."""
    found: dict[str, int] = {}
    for graph in read(content).subgraphs:
        for tensor in graph.tensors:
            found[tensor.name.decode()] = 0 if tensor.shape is None else len(tensor.shape)
    return found


def operand_kinds(content: bytes) -> Counter[str]:
    """How many operators compute in what.

    Returns:
        `integer`: quantized values in and out. `dynamic`: float values, integer weights. `stored`: weights that are
        kept small and turned to float32 before use. `border`: conversions of values. `float`: all others.
    """
    from ai_edge_litert import schema_py_generated as schema

    types = tensor_types()
    codes = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    model = read(content)
    kinds: Counter[str] = Counter()
    for graph in model.subgraphs:
        for op in graph.operators or ():
            name = codes.get(operator_code(model, op), "CUSTOM")
            given = [graph.tensors[index] for index in (op.inputs if op.inputs is not None else ()) if index >= 0]
            constant = [bool(_data(model, tensor)) for tensor in given]
            kinds[_kind(name, [types[tensor.type] for tensor in given], constant)] += 1
    return kinds


def _data(model: Any, tensor: Any) -> bool:
    buffer = model.buffers[tensor.buffer]
    return (buffer.data is not None and len(buffer.data) > 0) or bool(buffer.offset and buffer.offset > 1)


def _kind(name: str, types: list[str], constant: list[bool]) -> str:
    if name == "DEQUANTIZE" and constant and constant[0]:
        return "stored"
    if name in BORDERS or not types:
        return "border"
    if types[0] in INTEGER_TYPES:
        return "integer"
    if types[0] == "FLOAT32" and any(kind in INTEGER_TYPES for kind in types[1:]):
        return "dynamic"
    return "float"
