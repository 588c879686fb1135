"""Exported programs and TorchScript → ONNX, by torch's own exporters."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.step import Workspace
from edgebuild.errors import words_of
from edgebuild.models.convert.base import Conversion
from edgebuild.models.convert.onnx_names import rename_interface
from edgebuild.models.inspect.facts import Axes, bound, named_axes
from edgebuild.models.inspect.torch_facts import interface, program
from edgebuild.models.tidy.canonical import canonical

BY = "torch.onnx"
OPSET = 18
"""The oldest that the exporter of programs writes without converting down."""


class TorchToOnnx(Conversion):
    """Operator by operator; TorchScript by the older exporter, which alone takes it."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("torch", "onnxscript", "onnx", "numpy")
    filename: ClassVar[str] = "model.onnx"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: torch declines the model."""
        torch_to_onnx(work.path(self.model), self.format, work.output, self.shapes, self.dims)


def torch_to_onnx(model: Path, form: str, output: Path, shapes: dict[str, int], dims: Axes) -> None:
    """The work itself, over paths and values."""
    import onnx

    inputs, outputs = interface(model, form)
    # The exporters tell of every operator library that is not installed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with words_of(BY), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converted = of_program(model) if form == "pt2" else of_script(model, inputs, outputs, shapes, dims)
        converted = onnx.shape_inference.infer_shapes(converted)
    rename_interface(converted, [item["name"] for item in inputs], [item["name"] for item in outputs], BY)
    strip(converted)
    canonical(converted)
    onnx.save(converted, output)


def of_program(model: Path) -> Any:
    """A program, by the exporter that reads its graph."""
    import torch

    exported = torch.onnx.export(program(model), dynamo=True, opset_version=OPSET, verbose=False)
    return exported.model_proto


def of_script(
    model: Path, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], shapes: dict[str, int], dims: Axes
) -> Any:
    """TorchScript, at the sizes of its named axes."""
    import io

    import onnx
    import torch

    sizes = [bound(named_axes(item["name"], item["shape"], dims), shapes) for item in inputs]
    given = tuple(
        torch.zeros([size if isinstance(size, int) else 1 for size in size_of], dtype=getattr(torch, item["dtype"]))
        for item, size_of in zip(inputs, sizes, strict=True)
    )
    stream = io.BytesIO()
    torch.onnx.export(
        torch.jit.load(str(model), map_location="cpu").eval(),
        given,
        stream,
        dynamo=False,
        opset_version=OPSET - 1,
        input_names=[item["name"] for item in inputs],
        output_names=[item["name"] for item in outputs],
    )
    return onnx.load_from_string(stream.getvalue())


def strip(model: Any) -> None:
    """Drop what says where in the user's files an operator came from."""
    for holder in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        del holder.metadata_props[:]
        holder.doc_string = ""
    for item in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del item.metadata_props[:]
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
    model.producer_version = json.dumps(OPSET)
