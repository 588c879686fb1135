"""Image inputs as Core ML takes pictures: channels before rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

CHANNELS = (1, 3)


def channels_first(model: ModelProto, images: Collection[str]) -> None:
    """Turn [1, H, W, C] inputs into [1, C, H, W] with a Transpose behind each, in place; others stay.

    Args:
        model: of ONNX.
        images: names of inputs that take pictures.
    """
    from onnx import helper

    taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
    for item in model.graph.input:
        sizes = [axis.dim_value for axis in item.type.tensor_type.shape.dim]
        if item.name not in images or len(sizes) != 4 or sizes[1] in CHANNELS or sizes[3] not in CHANNELS:
            continue
        rows = f"{item.name}_rows"
        while rows in taken:
            rows += "_"
        for node in model.graph.node:
            node.input[:] = [rows if name == item.name else name for name in node.input]
        turn = helper.make_node("Transpose", [item.name], [rows], name=rows, perm=[0, 2, 3, 1])
        model.graph.node.insert(0, turn)
        for axis, size in zip(item.type.tensor_type.shape.dim, [sizes[0], sizes[3], *sizes[1:3]], strict=True):
            axis.dim_value = size
