"""Nodes of constants alone, evaluated while the model is converted."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edgebuild.models.convert.onnx_to_mil.values import Array, Packed

WORTH_PACKING = 256
"""Elements from which a constant of 8-bit integers cast to float keeps its integers."""
RANDOM = frozenset(
    {"RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
SEQUENCES = frozenset(
    {"SequenceEmpty", "SequenceConstruct", "SequenceAt", "SequenceLength", "SequenceInsert", "SequenceErase",
     "SplitToSequence", "ConcatFromSequence"}
)  # fmt: skip
KEPT = RANDOM | SEQUENCES | {"If", "Loop", "Scan", "SequenceMap", "DequantizeLinear", "Dropout"}
"""Have handlers that know better, or are no constants."""


def foldable(node: NodeProto) -> bool:
    """Whether the reference implementation may evaluate it."""
    return node.domain in ("", "ai.onnx") and node.op_type not in KEPT


def fold(node: NodeProto, inputs: list[Any], opset: int) -> list[Any]:
    """The outputs of a node of the standard whose inputs are constants (None: absent).

    Raises:
        Exception: whatever onnx's reference implementation says of a node it does not know.
    """
    packed = fold_packed(node, inputs)
    if packed is not None:
        return [packed]
    arrays = [item.floats() if isinstance(item, Packed) else item for item in inputs]
    if node.op_type == "Constant":
        return [constant(node)]
    return evaluate(node, arrays, opset)


def evaluate(node: NodeProto, arrays: list[Array | None], opset: int) -> list[Any]:
    """By `onnx.reference` on a model of this one node."""
    from onnx.reference import ReferenceEvaluator

    feeds: dict[str, Array] = {}
    renamed = NodeProto()
    renamed.CopyFrom(node)
    for k, array in enumerate(arrays):
        renamed.input[k] = "" if array is None else f"i{k}"
        if array is not None:
            feeds[f"i{k}"] = array
    outputs = [f"o{k}" if name else "" for k, name in enumerate(node.output)]
    renamed.output[:] = outputs
    graph = helper.make_graph(
        [renamed],
        "one",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(item.dtype), None)
            for name, item in feeds.items()
        ],
        [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in outputs if name],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    found = iter(ReferenceEvaluator(model).run(None, feeds))
    return [plain(next(found)) if name else None for name in outputs]


def plain(item: Any) -> Any:
    """Numpy's scalars as arrays; lists, which are sequences, as they are."""
    return item if isinstance(item, list) else np.asarray(item)


def constant(node: NodeProto) -> Array:
    """The value of a Constant node in any of its forms."""
    (attribute,) = [item for item in node.attribute if item.name != "sparse_value"] or [None]
    if attribute is None:
        raise ValueError("sparse constants are not covered")
    value = helper.get_attribute_value(attribute)
    if attribute.name == "value":
        return np.asarray(numpy_helper.to_array(value))
    kinds: dict[str, Any] = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
    }
    if attribute.name not in kinds:
        raise ValueError("constants of text are not covered")
    return np.asarray(value, kinds[attribute.name])


def fold_packed(node: NodeProto, inputs: list[Any]) -> Packed | None:
    """Keep a quantized constant small through what only moves or scales it; None where that cannot be."""
    first = inputs[0] if inputs else None
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    if node.op_type == "Cast" and isinstance(first, np.ndarray) and first.dtype in (np.int8, np.uint8):
        wide = attributes["to"] == TensorProto.FLOAT and first.size >= WORTH_PACKING
        ones = (1,) * first.ndim
        return Packed(first, np.ones(ones, np.float32), np.zeros(ones, first.dtype)) if wide else None
    if node.op_type == "Mul" and len(inputs) == 2:
        left, right = inputs if isinstance(first, Packed) else inputs[::-1]
        both = isinstance(left, Packed) and isinstance(right, np.ndarray) and right.dtype == np.float32
        return left.scaled(right) if both else None
    if not isinstance(first, Packed):
        return None
    if node.op_type == "Identity":
        return first
    if node.op_type == "Transpose":
        return first.transposed(list(attributes.get("perm", range(first.data.ndim)[::-1])))
    return None
