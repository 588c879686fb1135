"""Keras and SavedModel → float32 TFLite, by TensorFlow's converter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from edgebuild.core.step import Workspace
from edgebuild.errors import words_of
from edgebuild.models.convert.base import FoldingConversion
from edgebuild.models.convert.traced import SIGNATURE, quiet, traceable
from edgebuild.models.inspect.constants import Value
from edgebuild.models.inspect.facts import Axes

BY = "tf.lite.TFLiteConverter"


class TensorflowToTflite(FoldingConversion):
    """Trace the model at fixed sizes and convert the trace; one signature carries the names."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "model.tflite"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: Keras, TensorFlow or its converter declines the model."""
        tensorflow_to_tflite(work.path(self.model), self.format, work.output, self.shapes, self.dims, self.constants)


def tensorflow_to_tflite(
    model: Path,
    form: str,
    output: Path,
    shapes: Mapping[str, int],
    dims: Axes,
    constants: Mapping[str, Value] | None = None,
) -> None:
    """The work itself, over paths and values."""
    quiet()
    import tensorflow as tf

    opened = traceable(model, form).folded(constants or {}, shapes, dims)
    specs = opened.specs(shapes, dims)

    class Served(tf.Module):  # type: ignore[misc]
        """Keeps the variables while the converter reads the trace."""

        def __init__(self) -> None:
            super().__init__()
            self.kept = opened.keep

        @tf.function(input_signature=specs)  # type: ignore[untyped-decorator]
        def serve(self, *values: Any) -> dict[str, Any]:
            return dict(zip(opened.outputs, opened.call(*values), strict=True))

    # By way of a SavedModel: only from there the converter keeps the names.
    with TemporaryDirectory() as folder, words_of(BY):
        served = Served()
        tf.saved_model.save(served, folder, signatures={SIGNATURE: served.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        output.write_bytes(converter.convert())
