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


class ConvertFloat16(Step):
    """Store and compute in float16; inputs and outputs keep their types, with a cast on each.

    Given:   x → Conv(w) → y
    Result:  x → Cast(float16) → Conv(w16) → Cast(float32) → y
    """

    version: ClassVar[int] = 1
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
    with words_of(BY):
        # Its own bound of 1e4 would cut weights that float16 can hold.
        after = float16.convert_float_to_float16(
            onnx.load(model), min_positive_val=SMALLEST, max_finite_val=LARGEST, keep_io_types=True
        )
    if all(tensor.data_type != onnx.TensorProto.FLOAT16 for tensor in after.graph.initializer):
        raise Refused(by=BY, why="it converted nothing: the model has no float32 weights.")
    save_checked(before, after, output, BY)


def refuse_overflow(model: ModelProto) -> None:
    """Raises: Refused: a weight is larger than float16 can say; the converter would cut it."""
    import numpy as np
    import onnx

    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            largest = float(np.abs(onnx.numpy_helper.to_array(tensor)).max(initial=0.0))
            if largest > LARGEST:
                raise Refused(
                    by="float16", why=f"`{tensor.name}` holds {largest:g}; float16 ends at {LARGEST:g}.",
                    fix="Scale the model's inputs or weights, or leave float16 out.",
                )  # fmt: skip
