"""Dynamic INT8 for ONNX: weights in 8 bits, activations quantized at run time from their own range."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from edgebuild.compress.quantize.onnx_interface import refuse_unchanged, save_checked
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import words_of

BY = "onnxruntime.quantization"
INTEGER = ("ConvInteger", "MatMulInteger", "DynamicQuantizeLSTM", "QAttention", "QEmbedLayerNormalization")


class QuantizeDynamic(Step):
    """Store weights in 8 bits; quantize activations at run time.

    Given:   x → MatMul(w) → y
    Result:  x → DynamicQuantizeLinear → MatMulInteger(w8) → Cast → Mul(scales) → y

    Inputs, outputs and their shapes are unchanged. Needs no calibration data.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False

    model: Artifact
    weights: Literal["int8", "uint8"] = "int8"
    per_channel: bool = True

    def run(self, work: Workspace) -> None:
        """Raises: Refused: ONNX Runtime's quantizer declines the model, or finds nothing to quantize."""
        quantize_dynamic(work.path(self.model), work.output, self.weights, self.per_channel)


def quantize_dynamic(model: Path, output: Path, weights: str = "int8", per_channel: bool = True) -> None:
    """The work itself, over paths and values."""
    import onnx
    from onnxruntime import quantization

    before = onnx.load(model)
    kind = quantization.QuantType.QInt8 if weights == "int8" else quantization.QuantType.QUInt8
    with words_of(BY):
        # The model itself and not its path: the quantizer writes beside the file it reads.
        quantization.quantize_dynamic(before, output, per_channel=per_channel, weight_type=kind)
    after = onnx.load(output)
    output.unlink()
    before = onnx.load(model)
    refuse_unchanged(before, after, INTEGER, BY)
    save_checked(before, after, output, BY)
