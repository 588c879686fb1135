"""What the nodes of an ONNX graph say of themselves, and what the graph takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onnx import NodeProto


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    """An attribute's value; text as bytes."""
    import onnx

    return next((onnx.helper.get_attribute_value(item) for item in node.attribute if item.name == name), default)


def captured(node: NodeProto) -> Iterator[str]:
    """Names that a node's own graphs read, those from outside among them; some more than once."""
    for item in node.attribute:
        for graph in (*([item.g] if item.HasField("g") else []), *item.graphs):
            yield from (name for inner in graph.node for name in inner.input)
            for inner in graph.node:
                yield from captured(inner)


def outputs_last(node: NodeProto) -> bool:
    """Whether a layer's weights are stored with its outputs in the last axis."""
    return bool(node.op_type == "MatMul" or (node.op_type == "Gemm" and not attribute(node, "transB", 0)))


def inputs_of(model: Path) -> list[dict[str, Any]]:
    """The model's inputs as a session would tell them."""
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    constant = {tensor.name for tensor in graph.initializer}
    return [
        {
            "name": item.name,
            "shape": [axis.dim_param or axis.dim_value for axis in item.type.tensor_type.shape.dim],
            "dtype": onnx.helper.tensor_dtype_to_np_dtype(item.type.tensor_type.elem_type).name,
        }
        for item in graph.input
        if item.name not in constant
    ]
