"""ONNX → the same function with fewer operators, by onnxsim; named axes fixed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.core.step import Workspace
from edgebuild.errors import Refused, words_of
from edgebuild.models.convert.base import Conversion
from edgebuild.models.hidden import hidden
from edgebuild.models.inspect.facts import Axes, bound, named_axes
from edgebuild.models.inspect.onnx_facts import shape_of

if TYPE_CHECKING:
    from onnx import ModelProto

BY = "onnxsim"
FOLDED = "1MB"
"""Constants larger than this are left to be computed: folding a large Expand or Tile can blow a file up."""
GROWTH = 1.5
"""A simplified model larger than this many times the original was blown up."""
SLACK = 1 << 20
"""Bytes that any model may grow by."""


class SimplifyOnnx(Conversion):
    """Fold constants, fuse batch norms, drop what does nothing.

    Given:   x → Transpose → Transpose → Conv → BatchNormalization → y
    Result:  x → Conv → y

    Runs in its own process: onnxsim holds a runtime of its own and can crash.
    """

    version: ClassVar[int] = 4
    tools: ClassVar[tuple[str, ...]] = ("onnxsim", "onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: onnxsim declines the model or blows it up."""
        simplify(work.path(self.model), work.output, self.shapes, self.dims)


def simplify(model: Path, output: Path, shapes: Mapping[str, int], dims: Axes) -> None:
    """The work itself, over paths and values."""
    import onnx

    with hidden("torch"):
        import onnxsim

    with words_of(BY):
        before = fix_shapes(onnx.load(model), shapes, dims)
        most = before.ByteSize() * GROWTH + SLACK
        after, sound = onnxsim.simplify(
            before, tensor_size_threshold=FOLDED, certify=False, skip_constant_folding=quantized(before)
        )
        if after.ByteSize() > most:
            after, sound = onnxsim.simplify(before, certify=False, skip_constant_folding=True)
    if not sound:
        raise Refused(by=BY, why="its result differs from the model it was given.")
    del after.metadata_props[:]
    store_constants(after)
    if after.ByteSize() > most:
        grown = f"{before.ByteSize():,} to {after.ByteSize():,} bytes"
        raise Refused(by=BY, why=f"it blew the model up from {grown}.")
    with words_of(BY):
        onnx.checker.check_model(after)
    onnx.save(after, output)


def store_constants(model: ModelProto) -> None:
    """Turn `Constant` nodes into initializers, in place: there alone do quantizers and pruning look for weights.

    onnxsim leaves some: of Silero's detector all weights were such nodes, and INT8 took them for activations.
    """
    import onnx

    answers = {item.name for item in model.graph.output}
    for index, node in reversed(list(enumerate(model.graph.node))):
        value = next((item for item in node.attribute if item.name == "value"), None)
        if node.op_type != "Constant" or value is None or node.output[0] in answers:
            continue
        tensor = onnx.TensorProto()
        tensor.CopyFrom(value.t)
        tensor.name = node.output[0]
        model.graph.initializer.append(tensor)
        del model.graph.node[index]


def quantized(model: ModelProto) -> bool:
    """Whether weights are kept as integers, which folding would turn into floats."""
    return any(node.op_type == "DequantizeLinear" for node in model.graph.node)


def fix_shapes(model: ModelProto, shapes: Mapping[str, int], dims: Axes) -> ModelProto:
    """The model with the sizes of named axes written into its inputs and followed through the graph.

    Written here and not left to onnxsim, which fixes all axes of an input or none, and no axis without a name.
    """
    import onnx

    for item in model.graph.input:
        sizes = bound(named_axes(item.name, shape_of(item), dims), shapes)
        for axis, size in zip(item.type.tensor_type.shape.dim, sizes, strict=True):
            if isinstance(size, int):
                axis.dim_value = size
            else:
                axis.dim_param = size
    del model.graph.value_info[:]
    for item in model.graph.output:
        for axis in item.type.tensor_type.shape.dim:
            if not axis.HasField("dim_value"):
                axis.Clear()
    return onnx.shape_inference.infer_shapes(model, data_prop=True)
