"""`InspectModel`: the facts of a model as an artifact."""

from __future__ import annotations

from typing import ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.models.inspect import inspect_model
from edgebuild.models.inspect.facts import bound


class InspectModel(Step):
    """Write `model.json`: inputs and outputs with shapes at the first named sizes, operators, parameters, MACs."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "ai-edge-litert", "tensorflow", "keras", "numpy")
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
