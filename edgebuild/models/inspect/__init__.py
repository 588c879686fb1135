"""Model → what it is."""

from __future__ import annotations

from pathlib import Path

from edgebuild.errors import words_of
from edgebuild.models.inspect.facts import Axes, ModelFacts

__all__ = ["ModelFacts", "inspect_model"]


def inspect_model(path: Path, form: str, dims: Axes) -> ModelFacts:
    """Facts of a model file or folder.

    Args:
        path: of the model.
        form: a name of `models/routes.py`.
        dims: names of axes by input, where the spec gives them.

    Raises:
        Refused: the library of that format cannot read it, in its words.
    """
    with words_of(f"the reader of {form} models", "Check that the file is whole and of the format its name says."):
        if form in ("onnx-file", "onnx"):
            from edgebuild.models.inspect.onnx_facts import onnx_facts

            return onnx_facts(path, dims, form)
        if form == "tflite":
            from edgebuild.models.inspect.tflite_facts import tflite_facts

            return tflite_facts(path, dims)
        from edgebuild.models.inspect.keras_facts import keras_facts, saved_model_facts

        return saved_model_facts(path, dims) if form == "savedmodel" else keras_facts(path, form, dims)
