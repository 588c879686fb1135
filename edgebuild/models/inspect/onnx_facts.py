"""Facts of an ONNX file."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.core.dossier import Tensor
from edgebuild.models.inspect.facts import Axes, ModelFacts, named_axes
from edgebuild.models.inspect.names import distinct

if TYPE_CHECKING:
    import onnx

Shapes = dict[str, list[int | str | None]]

HEAVY = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators whose multiplications count."""


def onnx_facts(path: Path, dims: Axes, form: str = "onnx-file") -> ModelFacts:
    """Read with shape inference; weights in external files are not loaded."""
    import onnx

    model = onnx.load(str(onnx_file(path)), load_external_data=False)
    weights = {item.name: item for item in model.graph.initializer}
    inputs = [item for item in model.graph.input if item.name not in weights]
    shapes = inferred(model)
    constants = sum(
        prod(attribute.t.dims)
        for node in nodes(model.graph)
        if node.op_type == "Constant"
        for attribute in node.attribute
    )
    opsets = {item.domain: item.version for item in model.opset_import}
    return ModelFacts(
        format=form,
        inputs=tensors(inputs, dims),
        outputs=tensors(list(model.graph.output), {}),
        ops=dict(sorted(Counter(node.op_type for node in nodes(model.graph)).items())),
        parameters=sum(prod(item.dims) for item in weights.values()) + constants,
        macs=macs(model, shapes),
        producer=f"{model.producer_name} {model.producer_version.split(' ')[0]}".strip(),
        opset=opsets.get("", opsets.get("ai.onnx")),
    )


def onnx_file(source: Path) -> Path:
    """The file itself, or the one `.onnx` of a folder that holds its weights too."""
    return next(source.glob("*.onnx")) if source.is_dir() else source


def nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Every node, those of sub-graphs too."""
    found = []
    for node in graph.node:
        found.append(node)
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                found += nodes(inner)
    return found


def tensors(values: list[Any], dims: Axes) -> tuple[Tensor, ...]:
    """Inputs or outputs under their canonical names."""
    names = distinct([value.name for value in values])
    return tuple(
        Tensor(name=name, shape=named_axes(name, shape_of(value), dims), dtype=dtype_of(value))
        for name, value in zip(names, values, strict=True)
    )


def dtype_of(value: Any) -> str:
    """Name that numpy has for a tensor's type; `sequence` or `optional` for what is no tensor."""
    from onnx import helper

    if not value.type.HasField("tensor_type"):
        return str(value.type.WhichOneof("value")).removesuffix("_type")
    return str(helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))


def shape_of(value: Any) -> list[int | str | None]:
    """Sizes, names of open axes, None where nothing is said."""
    shape = value.type.tensor_type.shape
    return [d.dim_value if d.HasField("dim_value") else (d.dim_param or None) for d in shape.dim]


def inferred(model: onnx.ModelProto) -> Shapes:
    """Shape of every tensor that shape inference knows."""
    import onnx

    try:
        known = onnx.shape_inference.infer_shapes(model)
    except Exception:
        # Facts are for people; the import is where a model is refused.
        known = model
    values = [*known.graph.input, *known.graph.value_info, *known.graph.output]
    return {item.name: shape_of(item) for item in values} | {i.name: list(i.dims) for i in known.graph.initializer}


def macs(model: onnx.ModelProto, shapes: Shapes) -> int | None:
    """Sum over Conv, ConvTranspose, Gemm and MatMul; a batch axis counts as 1. None where a shape is not known."""
    total = 0
    for node in model.graph.node:
        if node.op_type not in HEAVY:
            continue
        counted = node_macs(node, shapes)
        if counted is None:
            return None
        total += counted
    return total


def node_macs(node: onnx.NodeProto, shapes: Shapes) -> int | None:
    """Of one of `HEAVY`, a batch axis counted as 1; None where a shape is not known.

    Convolution: output elements × weights for one output channel. Matrix product: output elements × inner size.
    """
    weight, result = shapes.get(node.input[1]), shapes.get(node.output[0])
    taken = shapes.get(node.input[0])
    if not weight or not result or not taken:
        return None
    if node.op_type == "Conv":
        counted = [*result[1:], *weight[1:]]
    elif node.op_type == "ConvTranspose":
        counted = [*taken[1:], *weight[1:]]
    else:
        counted = [*result[1:], taken[-1]]
    if not all(isinstance(size, int) for size in counted):
        return None
    return prod(int(size) for size in counted if size)
