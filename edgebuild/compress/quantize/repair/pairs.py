"""The layers of a model in floating point beside those of the same model quantized, and the numbers stored in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.compress.quantize.onnx_static import WEIGHTED
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto, NodeProto


@dataclass
class Pair:
    """One layer twice."""

    floating: NodeProto
    quantized: NodeProto


def with_names(model: ModelProto) -> ModelProto:
    """A name for every node: the quantizer knows by name what to leave alone, and keeps it."""
    taken = {node.name for node in model.graph.node}
    for position, node in enumerate(model.graph.node):
        if not node.name:
            node.name = f"{node.op_type}_{position}"
            while node.name in taken:
                node.name += "_"
            taken.add(node.name)
    return model


def ends_of(model: ModelProto) -> tuple[str, ...]:
    """Names of the first and the last layer with stored weights."""
    stored = {tensor.name for tensor in model.graph.initializer}
    layers = [
        node.name
        for node in model.graph.node
        if node.op_type in WEIGHTED and len(node.input) > 1 and node.input[1] in stored
    ]
    return tuple(dict.fromkeys([*layers[:1], *layers[-1:]]))


def pairs(floating: ModelProto, quantized: ModelProto) -> list[Pair]:
    """Layers with weights in the order of execution.

    Args:
        floating: named by `with_names`, as what was quantized.
        quantized: with Q/DQ pairs about some of its layers.

    Raises:
        Refused: they have no layer in common.
    """
    by_name = {node.name: node for node in quantized.graph.node if node.op_type in WEIGHTED}
    found = [
        Pair(node, by_name[node.name])
        for node in floating.graph.node
        if node.op_type in WEIGHTED and node.name in by_name
    ]
    if not found:
        raise Refused(by="repair", why="no layer of the quantized model is one of the model in floating point.")
    return found


class Numbers:
    """What is stored in a model, as real numbers; written back in the form it is stored in."""

    def __init__(self, model: ModelProto) -> None:
        """Args: model: changed by `write`."""
        self.model = model
        self.tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self.makers = {name: node for node in model.graph.node for name in node.output}

    def array(self, name: str) -> np.ndarray:
        """Of an initializer."""
        import onnx

        found: np.ndarray = onnx.numpy_helper.to_array(self.tensors[name])
        return found

    def integers(self, name: str) -> NodeProto | None:
        """The operator that makes a tensor from stored integers, None where there is none."""
        maker = self.makers.get(name)
        stored = maker is not None and maker.op_type == "DequantizeLinear" and maker.input[0] in self.tensors
        return maker if stored else None

    def has(self, name: str) -> bool:
        """Whether a tensor is stored in either form."""
        return name in self.tensors or self.integers(name) is not None

    def scale(self, name: str) -> np.ndarray:
        """Of stored integers, shaped to be multiplied with them."""
        node = self.integers(name)
        assert node is not None
        scale, stored = self.array(node.input[1]), self.array(node.input[0])
        axis = next((item.i for item in node.attribute if item.name == "axis"), 1)
        if scale.size == 1:
            return scale.reshape(())
        return scale.reshape([scale.size if row == axis % stored.ndim else 1 for row in range(stored.ndim)])

    def real(self, name: str) -> np.ndarray:
        """What a tensor stands for, float64. Zero points are 0, as of all weights and biases here."""
        import numpy as np

        node = self.integers(name)
        if node is None:
            return self.array(name).astype(np.float64)
        found: np.ndarray = self.array(node.input[0]).astype(np.float64) * self.scale(name)
        return found

    def write(self, name: str, values: np.ndarray) -> None:
        """Store real numbers, rounded to the integers of the tensor where it has such."""
        import numpy as np

        node = self.integers(name)
        stored = name if node is None else node.input[0]
        kind = self.array(stored).dtype
        if node is not None:
            info: Any = np.iinfo(kind)
            values = np.clip(np.rint(values / self.scale(name)), -info.max, info.max)
        self.put(stored, values.astype(kind))

    def put(self, stored: str, values: np.ndarray) -> None:
        """Replace an initializer."""
        import onnx

        self.tensors[stored].CopyFrom(onnx.numpy_helper.from_array(values, stored))
