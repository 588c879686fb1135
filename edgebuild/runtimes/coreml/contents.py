"""How a package stores its weights and in what its operators compute, read from the saved program."""

from __future__ import annotations

from collections import Counter
from typing import Any

HEAVY = frozenset({"conv", "conv_transpose", "linear", "matmul", "einsum", "lstm", "gru", "rnn"})
"""Operators that take most of a network's arithmetic."""

STORED = {
    "constexpr_affine_dequantize": "int8",
    "constexpr_lut_to_dense": "palette",
    "constexpr_lut_to_sparse": "sparse palette",
    "constexpr_sparse_to_dense": "sparse",
    "constexpr_sparse_blockwise_shift_scale": "sparse integers",
}
"""Operators that restore a weight, to how it was stored."""

TYPES = {10: "float16", 11: "float32", 21: "int8", 22: "int16", 23: "int32", 25: "int4", 31: "uint8", 35: "uint4"}
"""Data types of MIL.proto."""


def contents(spec: Any) -> dict[str, Any]:
    """Weights and arithmetic of the main function.

    Returns:
        `weights`: how stored → how many. `arithmetic`: type → operators whose result has it. `heavy`: arithmetic of
        the heavy operators, `int8` where what they read was quantized. `conversions`: quantize and dequantize.
    """
    function = spec.mlProgram.functions[spec.description.defaultFunctionName or "main"]
    made: dict[str, str] = {}
    kinds: dict[str, str] = {}
    found: dict[str, Counter[str]] = {"weights": Counter(), "arithmetic": Counter(), "heavy": Counter()}
    conversions = 0
    operations = function.block_specializations[function.opset].operations
    inner = {name for op in operations if op.type.startswith("constexpr_") for name in read(op)}
    for op in operations:
        made |= {output.name: op.type for output in op.outputs}
        # A weight that is restored in two steps is one, and stored as the first says.
        kind = next((kinds[name] for name in read(op) if op.type in STORED and name in kinds), "") or weight(op)
        if op.type.startswith("constexpr_"):
            kinds |= {output.name: kind for output in op.outputs}
        if kind and not any(output.name in inner for output in op.outputs):
            found["weights"][kind] += 1
        if op.type == "const" or op.type.startswith("constexpr_") or not op.outputs:
            continue
        result = TYPES.get(op.outputs[0].type.tensorType.dataType, "")
        conversions += op.type in ("quantize", "dequantize")
        if result.startswith("float") and op.type != "cast":
            found["arithmetic"][result] += 1
        if op.type in HEAVY:
            quantized = any(made.get(name) == "dequantize" for name in read(op))
            found["heavy"]["int8" if quantized else result] += 1
    return {name: dict(sorted(counted.items())) for name, counted in found.items()} | {"conversions": conversions}


def read(op: Any) -> list[str]:
    """Names of all that an operator reads."""
    return [item.name for given in op.inputs.values() for item in given.arguments if item.HasField("name")]


def weight(op: Any) -> str:
    """How an operator's constant is stored, "" where it is no weight."""
    if op.type == "constexpr_blockwise_shift_scale":
        return TYPES.get(op.inputs["data"].arguments[0].value.type.tensorType.dataType, "integers")
    if op.type in STORED:
        return STORED[op.type]
    value = op.attributes["val"] if op.type == "const" and "val" in op.attributes else None
    if value is None or not value.HasField("blobFileValue"):
        return ""
    return TYPES.get(value.type.tensorType.dataType, "")
