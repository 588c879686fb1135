"""A user's ONNX file → one that every later step can rely on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.core.step import Workspace
from edgebuild.errors import Refused, words_of
from edgebuild.models.convert.base import Conversion
from edgebuild.models.convert.onnx_names import rename_interface
from edgebuild.models.inspect.names import distinct
from edgebuild.models.inspect.onnx_facts import nodes, onnx_file

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

BY = "the ONNX import"
OLDEST = 13
"""Opset from which QuantizeLinear and DequantizeLinear take a scale for each channel."""
LIMIT = 2**31 - 1
"""A protobuf message cannot be larger."""


class ImportOnnx(Conversion):
    """Check, bring external weights in, sort, raise an old opset, infer shapes; canonical names."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the file is broken, reaches outside its folder, or needs operators that are not ONNX's."""
        import_onnx(work.path(self.model), work.output)


def import_onnx(source: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    import onnx

    path = onnx_file(source)
    with words_of(BY, "Export the model again; `python -m onnx.checker` shows the same words."):
        model = onnx.load(str(path), load_external_data=False)
        refuse_strange(model)
        embed(model, path.parent)
        put_in_order(model.graph)
        model = raised(model)
        onnx.checker.check_model(model)
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    drop_weight_inputs(model)
    inputs, outputs = ([item.name for item in side] for side in (model.graph.input, model.graph.output))
    rename_interface(model, distinct(inputs), distinct(outputs), BY)
    onnx.save(model, output)


def refuse_strange(model: ModelProto) -> None:
    """Raises: Refused: what no runtime here could execute, all at once."""
    import onnx

    known = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"} | {function.domain for function in model.functions}
    strange = sorted({f"{node.domain}::{node.op_type}" for node in nodes(model.graph) if node.domain not in known})
    reasons = []
    if strange:
        reasons.append(f"it needs operators that are not ONNX's: {', '.join(strange)}.")
    odd = [item.name for item in (*model.graph.input, *model.graph.output) if not item.type.HasField("tensor_type")]
    if odd:
        reasons.append(f"{', '.join(odd)} is no tensor.")
    if not model.graph.output or not model.graph.node:
        reasons.append("its graph is empty.")
    if model.ByteSize() > LIMIT or model.ir_version > onnx.IR_VERSION:
        reasons.append(f"its IR version {model.ir_version} is newer than onnx {onnx.__version__} knows.")
    if reasons:
        raise Refused(by=BY, why=" ".join(reasons), fix="Export the model with standard operators.")


def embed(model: ModelProto, folder: Path) -> None:
    """Read external weights into the model.

    Raises:
        Refused: a file is not inside the model's folder, is not there, or all together exceed what one file can hold.
    """
    from onnx import external_data_helper

    total = model.ByteSize()
    for tensor in tensors(model):
        if not external_data_helper.uses_external_data(tensor):
            continue
        location = next((item.value for item in tensor.external_data if item.key == "location"), "")
        file = (folder / location).resolve()
        if not location or not file.is_relative_to(folder.resolve()):
            raise Refused(
                by=BY,
                why=f"the weights of `{tensor.name}` lie outside the model's folder: `{location}`.",
                fix="Put the file beside the model and export with a relative path.",
            )
        if not file.is_file():
            raise Refused(by=BY, why=f"the weights of `{tensor.name}` are missing: no file `{location}`.")
        # onnx itself refuses files with several hard links, which all files of a store have.
        tensor.raw_data = part(file, {item.key: item.value for item in tensor.external_data})
        tensor.data_location = 0
        del tensor.external_data[:]
        total += len(tensor.raw_data)
        if total > LIMIT:
            raise Refused(by=BY, why="model and weights exceed 2 GiB, the most one ONNX file can hold.")


def put_in_order(graph: GraphProto) -> None:
    """Each node after those it reads, as ONNX asks and some exporters do not care; a graph in order stays as it is.

    Raises:
        graphlib.CycleError: a node reads what only follows from it.
    """
    from graphlib import TopologicalSorter

    maker = {name: row for row, node in enumerate(graph.node) for name in node.output if name}
    reads = [{maker[name] for name in read_by(node) if name in maker} for node in graph.node]
    if all(row > other for row, others in enumerate(reads) for other in others):
        return
    ordered = [graph.node[row] for row in TopologicalSorter(dict(enumerate(reads))).static_order()]
    copies = [type(node).FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(copies)


def read_by(node: NodeProto) -> Iterator[str]:
    """Names that a node reads, and those that its sub-graphs read from outside or of their own."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for item in inner.node:
                yield from read_by(item)
            yield from (output.name for output in inner.output)


def part(file: Path, about: Mapping[str, str]) -> bytes:
    """The bytes of one tensor in a file of weights."""
    with file.open("rb") as reader:
        reader.seek(int(about.get("offset", 0)))
        return reader.read(int(about["length"])) if "length" in about else reader.read()


def tensors(model: ModelProto) -> Iterator[Any]:
    """Every stored tensor: initializers and attributes, in sub-graphs too."""
    yield from model.graph.initializer
    for node in nodes(model.graph):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (attribute.g, *attribute.graphs):
                yield from inner.initializer


def raised(model: ModelProto) -> ModelProto:
    """The model at an opset that can be quantized per channel."""
    import onnx

    version = max((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), default=OLDEST)
    return onnx.version_converter.convert_version(model, OLDEST) if version < OLDEST else model


def drop_weight_inputs(model: ModelProto) -> None:
    """Old exporters list weights among the inputs; a caller never gives them."""
    stored = {tensor.name for tensor in model.graph.initializer}
    kept = [item for item in model.graph.input if item.name not in stored]
    del model.graph.input[:]
    model.graph.input.extend(kept)
