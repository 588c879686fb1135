"""Facts of exported programs and of TorchScript that `ReadTorch` has described."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from edgebuild.core.dossier import Tensor
from edgebuild.models.inspect.facts import Axes, ModelFacts, named_axes
from edgebuild.models.inspect.names import distinct

INTERFACE = "edgebuild.json"
"""Extra file of a TorchScript archive: inputs and outputs, `{"name", "shape", "dtype"}` each."""
Side = list[dict[str, Any]]


def torch_facts(path: Path, form: str, dims: Axes) -> ModelFacts:
    """Operators by their names in ATen; multiply-accumulates are not counted."""
    import torch

    inputs, outputs = interface(path, form)
    if form == "pt2":
        opened = program(path)
        ops = Counter(str(node.target) for node in opened.graph.nodes if node.op == "call_function")
        parameters = sum(item.numel() for item in opened.state_dict.values())
    else:
        module = torch.jit.load(str(path), map_location="cpu")
        ops = Counter(node.kind() for node in module.inlined_graph.nodes() if node.kind().startswith("aten::"))
        parameters = sum(item.numel() for item in module.state_dict().values())
    return ModelFacts(
        format=form,
        inputs=tensors(inputs, dims),
        outputs=tensors(outputs, {}),
        ops=dict(sorted(ops.items())),
        parameters=parameters,
        producer=f"torch {torch.__version__}",
    )


def program(path: Path) -> Any:
    """An exported program that was checked; torch unpickles tensors alone."""
    import torch

    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    return torch.export.load(str(path))


def interface(path: Path, form: str) -> tuple[Side, Side]:
    """Inputs and outputs in order, `{"name", "shape", "dtype"}` each; an open axis is a text."""
    import torch

    if form == "torchscript":
        extra = {INTERFACE: ""}
        torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        said = json.loads(extra[INTERFACE])
        return said["inputs"], said["outputs"]
    opened = program(path)
    values = {node.name: node.meta["val"] for node in opened.graph.nodes if "val" in node.meta}
    signature = opened.graph_signature
    return side(signature.user_inputs, values), side(signature.user_outputs, values)


def side(names: Any, values: dict[str, Any]) -> Side:
    """Tensors of a program's graph by the names of their nodes."""
    return [
        {
            "name": called,
            "shape": [size if isinstance(size, int) else str(size) for size in values[name].shape],
            "dtype": str(values[name].dtype).removeprefix("torch."),
        }
        for called, name in zip(distinct(list(names)), names, strict=True)
    ]


def tensors(found: Side, dims: Axes) -> tuple[Tensor, ...]:
    """Inputs or outputs."""
    return tuple(
        Tensor(name=item["name"], shape=named_axes(item["name"], item["shape"], dims), dtype=item["dtype"])
        for item in found
    )
