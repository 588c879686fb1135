"""Float16 for ONNX: weights and arithmetic in half precision behind an unchanged interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.quantize.onnx_interface import save_checked
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of

if TYPE_CHECKING:
    from onnx import ModelProto

BY = "onnxconverter-common"
LARGEST, SMALLEST = 65504.0, 5.97e-8
"""Largest and smallest positive float16."""
NO_NUMBER = 3.4e38
"""Weights beyond it stand for infinity, as masks of attention do; float16's largest stands for it as well."""


class ConvertFloat16(Step):
    """Store and compute in float16; inputs and outputs keep their types, with a cast on each.

    Given:   x → Conv(w) → y
    Result:  x → Cast(float16) → Conv(w16) → Cast(float32) → y
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxconverter-common", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False

    model: Artifact

    def run(self, work: Workspace) -> None:
        """Raises: Refused: a weight is beyond float16, or the converter declines the model."""
        convert_float16(work.path(self.model), work.output)


def convert_float16(model: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    import onnx
    from onnxconverter_common import float16

    before = onnx.load(model)
    refuse_overflow(before)
    casts = named_casts(before)
    with words_of(BY):
        # Its own bound of 1e4 would cut weights that float16 can hold.
        after = float16.convert_float_to_float16(
            outputs_apart(copied(before)), min_positive_val=SMALLEST, max_finite_val=LARGEST, keep_io_types=True
        )
    for node in after.graph.node:
        if node.name in casts:
            node.attribute[0].i = onnx.TensorProto.FLOAT16
    if all(tensor.data_type != onnx.TensorProto.FLOAT16 for tensor in after.graph.initializer):
        raise Refused(by=BY, why="it converted nothing: the model has no float32 weights.")
    save_checked(before, after, output, BY)


def named_casts(model: ModelProto) -> set[str]:
    """Names of the model's own casts to float32, which the converter (1.16) forgets; those without get one."""
    import onnx

    found = set()
    for row, node in enumerate(model.graph.node):
        if node.op_type == "Cast" and node.attribute[0].i == onnx.TensorProto.FLOAT:
            node.name = node.name or f"cast_{row}"
            found.add(node.name)
    return found


def copied(model: ModelProto) -> ModelProto:
    """Another one: the converter changes what it is given."""
    import onnx

    found = onnx.ModelProto()
    found.CopyFrom(model)
    return found


def outputs_apart(model: ModelProto) -> ModelProto:
    """The model with an Identity before each output that operators of it read too.

    The converter (1.16) casts an output back to float32 in place, and whoever reads it then reads float32.
    """
    import onnx

    graph = model.graph
    read = {name for node in graph.node for name in node.input}
    for item in graph.output:
        maker = next((node for node in graph.node if item.name in node.output), None)
        if item.name not in read or maker is None:
            continue
        inner = f"{item.name}_inner"
        for node in graph.node:
            node.input[:] = [inner if name == item.name else name for name in node.input]
        maker.output[:] = [inner if name == item.name else name for name in maker.output]
        graph.node.append(onnx.helper.make_node("Identity", [inner], [item.name], name=f"{item.name}_output"))
    return model


def refuse_overflow(model: ModelProto) -> None:
    """Raises: Refused: a weight is larger than float16 can say; the converter would cut it."""
    import numpy as np
    import onnx

    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = np.abs(onnx.numpy_helper.to_array(tensor))
            largest = float(values[values < NO_NUMBER].max(initial=0.0))
            if largest > LARGEST:
                raise Refused(
                    by="float16", why=f"`{tensor.name}` holds {largest:g}; float16 ends at {LARGEST:g}.",
                    fix="Scale the model's inputs or weights, or leave float16 out.",
                )  # fmt: skip
