"""The facts of a model as an artifact, by whatever library reads its format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.versions import version_of
from edgebuild.core.wires import Artifact
from edgebuild.errors import MissingToolError, Problem, words_of
from edgebuild.models.inspect.facts import Axes, ModelFacts, bound

WHOLE = "Check that the file is whole and of the format its name says."


class InspectModel(Step):
    """Write `model.json`: inputs and outputs with shapes at the first named sizes, operators, parameters, MACs."""

    filename: ClassVar[str] = "model.json"

    model: Artifact
    format: str
    shapes: dict[str, int] = {}
    """Sizes of named axes."""
    dims: dict[str, tuple[str | int, ...]] = {}
    """Names of axes by input."""

    def facts(self, path: Path) -> ModelFacts:
        """What the library of this format reads."""
        raise NotImplementedError

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the file cannot be read."""
        with words_of(f"the reader of {self.format} models", WHOLE):
            facts = self.facts(work.path(self.model))
        sized = [tensor.model_copy(update={"shape": bound(tensor.shape, self.shapes)}) for tensor in facts.inputs]
        outputs = [tensor.model_copy(update={"shape": bound(tensor.shape, self.shapes)}) for tensor in facts.outputs]
        facts = facts.model_copy(update={"inputs": tuple(sized), "outputs": tuple(outputs)})
        work.output.write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")


class InspectOnnx(InspectModel):
    """Of an ONNX file."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")

    def facts(self, path: Path) -> ModelFacts:
        """See `onnx_facts`."""
        from edgebuild.models.inspect.onnx_facts import onnx_facts

        return onnx_facts(path, self.dims, self.format)


class InspectTflite(InspectModel):
    """Of a TFLite file."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)

    def facts(self, path: Path) -> ModelFacts:
        """See `tflite_facts`."""
        from edgebuild.models.inspect.tflite_facts import tflite_facts

        return tflite_facts(path, self.dims)


class InspectTensorflow(InspectModel):
    """Of a Keras file or a SavedModel."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)

    def facts(self, path: Path) -> ModelFacts:
        """See `keras_facts` and `saved_model_facts`."""
        from edgebuild.models.inspect.keras_facts import keras_facts, saved_model_facts

        if self.format == "savedmodel":
            return saved_model_facts(path, self.dims)
        return keras_facts(path, self.format, self.dims)


class InspectTorch(InspectModel):
    """Of an exported program or TorchScript, once `ReadTorch` has read it."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("torch", "numpy")

    def facts(self, path: Path) -> ModelFacts:
        """See `torch_facts`."""
        from edgebuild.models.inspect.torch_facts import torch_facts

        return torch_facts(path, self.format, self.dims)


KINDS: dict[str, type[InspectModel]] = {
    "onnx": InspectOnnx,
    "onnx-file": InspectOnnx,
    "tflite": InspectTflite,
    "keras": InspectTensorflow,
    "h5": InspectTensorflow,
    "savedmodel": InspectTensorflow,
    "pt2": InspectTorch,
    "torchscript": InspectTorch,
}
"""Format to the step that reads it: each declares one library, and no other needs to be installed."""


EXTRAS = {
    "onnx": "onnxruntime",
    "onnx-file": "onnxruntime",
    "tflite": "litert",
    "keras": "keras",
    "h5": "keras",
    "savedmodel": "keras",
    "pt2": "torch",
    "torchscript": "torch",
}
"""Format to the extra that installs its reader."""


def inspection(
    model: Artifact, form: str, shapes: Mapping[str, int], dims: Mapping[str, tuple[str | int, ...]]
) -> InspectModel:
    """The step that inspects a model of this format."""
    return KINDS[form](model=model, format=form, shapes=dict(shapes), dims=dict(dims))


def inspect_model(path: Path, form: str, dims: Axes) -> ModelFacts:
    """Facts of a model file or folder.

    Args:
        path: of the model.
        form: a name of `models/routes.py`.
        dims: names of axes by input, where the spec gives them.

    Raises:
        Refused: the library of that format cannot read it, in its words.
        MissingToolError: that library is not installed.
    """
    lacking = [name for name in KINDS[form].tools if version_of(name) is None]
    if lacking:
        what = f"reading {form} models needs {', '.join(lacking)}, not installed here."
        raise MissingToolError(Problem(path.name, what, f'pip install "edgebuild[{EXTRAS[form]}]"'))
    step = inspection(Artifact(id="", filename=path.name), form, {}, {name: tuple(axes) for name, axes in dims.items()})
    with words_of(f"the reader of {form} models", WHOLE):
        return step.facts(path)
