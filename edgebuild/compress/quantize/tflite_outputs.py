"""Outputs of a quantized TFLite model that its own operators read: the states of recurrent models, above all."""

from __future__ import annotations

from edgebuild.compress.quantize.tflite_graph import INTEGER_TYPES
from edgebuild.models.tidy.tflite_file import operator_code, read, tensor_types, write


def read_as_integers(content: bytes) -> bytes:
    """The model with integer operators reading the integers behind an output, not the real numbers.

    Given:   a → ADD → h(int8) → DEQUANTIZE → h_real → FULLY_CONNECTED → y(int8)
    Result:  a → ADD → h(int8) → FULLY_CONNECTED → y(int8);  h → DEQUANTIZE → h_real

    ai-edge-quantizer (0.6) gives every reader the real numbers that an unquantized output has; no integer kernel takes
    them. Operators in floating point keep them.
    """
    from ai_edge_litert import schema_py_generated as schema

    model, types = read(content), tensor_types()
    changed = False
    for graph in model.subgraphs:
        behind = {
            int(op.outputs[0]): int(op.inputs[0])
            for op in graph.operators or ()
            if operator_code(model, op) == schema.BuiltinOperator.DEQUANTIZE
        }
        outputs = {int(index) for index in graph.outputs}
        behind = {real: whole for real, whole in behind.items() if real in outputs}
        for op in graph.operators or ():
            given, made = ([int(index) for index in side] for side in (op.inputs, op.outputs))
            whole = bool(made) and all(types[graph.tensors[index].type] in INTEGER_TYPES for index in made)
            quantizes = operator_code(model, op) == schema.BuiltinOperator.QUANTIZE
            if whole and not quantizes and any(index in behind for index in given):
                op.inputs = [behind.get(index, index) for index in given]
                changed = True
    return write(model) if changed else content
