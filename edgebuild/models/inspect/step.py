"""The facts of a model as an artifact, by whatever library reads its format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.models.inspect import inspect_model
from edgebuild.models.inspect.facts import bound


class InspectModel(Step):
    """Write `model.json`: inputs and outputs with shapes at the first named sizes, operators, parameters, MACs."""

    filename: ClassVar[str] = "model.json"

    model: Artifact
    format: str
    shapes: dict[str, int] = {}
    """Sizes of named axes."""
    dims: dict[str, tuple[str | int, ...]] = {}
    """Names of axes by input."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the file cannot be read."""
        facts = inspect_model(work.path(self.model), self.format, self.dims)
        sized = [tensor.model_copy(update={"shape": bound(tensor.shape, self.shapes)}) for tensor in facts.inputs]
        outputs = [tensor.model_copy(update={"shape": bound(tensor.shape, self.shapes)}) for tensor in facts.outputs]
        facts = facts.model_copy(update={"inputs": tuple(sized), "outputs": tuple(outputs)})
        work.output.write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")


class InspectOnnx(InspectModel):
    """Of an ONNX file."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "numpy")


class InspectTflite(InspectModel):
    """Of a TFLite file."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "numpy")


class InspectTensorflow(InspectModel):
    """Of a Keras file or a SavedModel."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")


def inspection(
    model: Artifact, form: str, shapes: Mapping[str, int], dims: Mapping[str, tuple[str | int, ...]]
) -> InspectModel:
    """The step for a format: each declares the library that reads it, and no other needs to be installed."""
    kinds: dict[str, type[InspectModel]] = {"onnx": InspectOnnx, "onnx-file": InspectOnnx, "tflite": InspectTflite}
    return kinds.get(form, InspectTensorflow)(model=model, format=form, shapes=dict(shapes), dims=dict(dims))
