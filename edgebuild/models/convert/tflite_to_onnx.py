"""TFLite → ONNX, by tf2onnx."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from edgebuild.core.step import Workspace
from edgebuild.errors import words_of
from edgebuild.models.convert.base import Conversion
from edgebuild.models.convert.numbered import numbered_nodes
from edgebuild.models.convert.onnx_names import rename_interface
from edgebuild.models.convert.tensorflow_to_onnx import OPSET, refuse_foreign
from edgebuild.models.convert.traced import quiet
from edgebuild.models.inspect.tflite_facts import tflite_facts
from edgebuild.models.tidy.canonical import canonical

BY = "tf2onnx"


class TfliteToOnnx(Conversion):
    """Operator by operator; quantized operators become float ones between QuantizeLinear and DequantizeLinear."""

    version: ClassVar[int] = 3
    tools: ClassVar[tuple[str, ...]] = ("tf2onnx", "tensorflow", "ai-edge-litert", "onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "model.onnx"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: tf2onnx declines the model."""
        tflite_to_onnx(work.path(self.model), work.output)


def tflite_to_onnx(model: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    quiet()
    import onnx
    import tf2onnx

    facts = tflite_facts(model, {})
    with words_of(BY), numbered_nodes():
        converted, _ = tf2onnx.convert.from_tflite(str(model), opset=OPSET)
    refuse_foreign(converted)
    rename_interface(converted, [item.name for item in facts.inputs], [item.name for item in facts.outputs], BY)
    canonical(converted)
    onnx.save(converted, output)
