"""What the operators of an ONNX graph say of their channels, and tensors that each has to itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgebuild.compress.onnx_nodes import attribute
from edgebuild.compress.quantize.repair.sides import Side

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto, NodeProto

SMALL = 65536
"""Numbers of a shared tensor up to which each reader gets a copy."""


def layer_sides(node: NodeProto, weights: np.ndarray) -> tuple[Side | None, Side]:
    """Where input and output channels lie in the weights; None where scales do not pass."""
    name = node.input[1]
    if node.op_type == "LayerNormalization":
        return None, Side(name, weights.ndim - 1, free=True)
    if node.op_type == "MatMul" and weights.ndim != 2:
        return None, Side(name, weights.ndim - 1)
    if node.op_type in ("Conv", "ConvTranspose"):
        groups = int(attribute(node, "group", 1))
        # With one channel to a group each has a scale of its own.
        alone = groups > 1 and weights.shape[1] == 1
        grouped, plain = Side(name, 1, groups, alone), Side(name, 0, free=alone)
        return (grouped, plain) if node.op_type == "Conv" else (plain, grouped)
    turned = node.op_type == "Gemm" and attribute(node, "transB", 0) == 1
    if node.op_type == "Gemm" and attribute(node, "transA", 0) == 1:
        return None, Side(name, 0 if turned else 1)
    return (Side(name, 1), Side(name, 0)) if turned else (Side(name, 0), Side(name, 1))


def reduced(node: NodeProto, stored: dict[str, np.ndarray], rank: int) -> set[int]:
    """Axes over which a mean is taken; empty where that is not known."""
    axes = attribute(node, "axes", None)
    if axes is None and len(node.input) > 1 and node.input[1] in stored:
        axes = stored[node.input[1]].reshape(-1).tolist()
    return {int(axis) % rank for axis in axes} if axes and rank else set()


def unshared(model: ModelProto) -> ModelProto:
    """The same model, in which each operator has small float tensors of its own."""
    seen: set[str] = set()
    stored = {tensor.name: tensor for tensor in model.graph.initializer if tensor.data_type == tensor.FLOAT}
    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    for node in model.graph.node:
        for position, name in enumerate(node.input):
            if name in stored and name in seen and prod_of(stored[name]) <= SMALL:
                copy = model.graph.initializer.add()
                copy.CopyFrom(stored[name])
                while copy.name in taken:
                    copy.name += "_own"
                taken.add(copy.name)
                node.input[position] = copy.name
            seen.add(name)
    return model


def prod_of(tensor: Any) -> int:
    """How many numbers it holds."""
    from math import prod

    return prod(tensor.dims)
