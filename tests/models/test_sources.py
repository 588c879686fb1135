"""Every model of the zoo over every route: the largest error and the agreement, printed as a table (`pytest -s`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgebuild.models.convert.import_onnx import import_onnx
from edgebuild.models.convert.onnx_to_tflite import onnx_to_tflite
from edgebuild.models.convert.read_torch import read_torch
from edgebuild.models.convert.tensorflow_to_onnx import tensorflow_to_onnx
from edgebuild.models.convert.tensorflow_to_tflite import tensorflow_to_tflite
from edgebuild.models.convert.tflite_to_onnx import tflite_to_onnx
from edgebuild.models.convert.torch_to_onnx import torch_to_onnx
from edgebuild.models.routes import shortest
from edgebuild.models.tidy.simplify import simplify
from edgebuild.runtimes import SESSIONS
from tests.models.conftest import said
from tests.models.zoo import ZOO, Feed, ZooModel

pytestmark = pytest.mark.slow

TARGETS = {"onnx": "onnxruntime", "tflite": "litert"}
CLOSE = 1e-4
"""Relative to an output's largest value; float32 kernels that add in another order were seen at 1e-6."""
INTEGER = 0.05
"""Of models in integers, whose kernels round in other places: a step or two of 256."""


def hop(source: str, target: str, file: Path, folder: Path, model: ZooModel, tool: Path) -> Path:
    """One conversion of a route."""
    made = folder / f"{target}.{'tflite' if target == 'tflite' else 'onnx'}"
    if (source, target) == ("onnx-file", "onnx-checked"):
        import_onnx(file, made)
    elif (source, target) == ("onnx-checked", "onnx"):
        simplify(file, made, model.shapes, model.dims)
    elif (source, target) == ("onnx", "tflite"):
        onnx_to_tflite(file, made, tool)
    elif source == "tflite":
        tflite_to_onnx(file, made)
    elif source in ("pt2", "torchscript"):
        torch_to_onnx(file, source, made, model.shapes, model.dims)
    elif target == "tflite":
        tensorflow_to_tflite(file, source, made, model.shapes, model.dims)
    else:
        tensorflow_to_onnx(file, source, made, model.shapes, model.dims)
    return made


def compared(wanted: list[Feed], found: list[Feed]) -> tuple[float, float]:
    """Largest error relative to each output's largest value, and the share of equal places of the largest values.

    Outputs are taken in their order: torch calls them otherwise than its exporters.
    """
    worst, same = 0.0, []
    for one, other in zip(wanted, found, strict=True):
        for left, right in zip(one.values(), other.values(), strict=True):
            assert left.shape == right.shape
            worst = max(worst, float(np.abs(left - right).max() / max(float(np.abs(left).max()), 1e-6)))
            same.append(bool((left.argmax(-1) == right.argmax(-1)).all()))
    return worst, float(np.mean(same))


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """Rows, printed at the end."""
    rows: list[str] = []
    yield rows
    print("\n| model | source | runtime | hops | max relative error | agreement |\n|---|---|---|---|---|---|")
    print("\n".join(rows))


@pytest.mark.parametrize("name", ZOO)
def test_every_route_says_what_the_source_says(
    name: str, animals: Callable[[str], ZooModel], onnx2tf: Path, tmp_path: Path, table: list[str]
) -> None:
    model = animals(name)
    for source, file in model.files.items():
        for target, session in TARGETS.items():
            folder = tmp_path / f"{source}-{target}"
            folder.mkdir()
            feeds, opened = list(model.feeds), file
            if source in ("pt2", "torchscript"):
                opened = folder / ("model.ts" if source == "torchscript" else "model.pt2")
                names = torch_names(file, source)
                read_torch(
                    file, source, dict(zip(names, (a.shape for a in feeds[0].values()), strict=True)), None, opened
                )
                feeds = [dict(zip(names, feed.values(), strict=True)) for feed in feeds]
            made = opened
            route = shortest(source, target)
            for step in route:
                made = hop(step.source, step.target, made, folder, model, onnx2tf)
            error, agreement = compared(said(SESSIONS[source][0], opened, feeds), said(session, made, feeds))
            table.append(f"| {name} | {source} | {session} | {len(route)} | {error:.1e} | {agreement:.2f} |")
            assert error <= (INTEGER if "int8" in name and source == "tflite" else CLOSE), table[-1]


def torch_names(file: Path, form: str) -> list[str]:
    """What torch calls the inputs."""
    import torch

    if form == "pt2":
        return list(torch.export.load(str(file)).graph_signature.user_inputs)
    return [value.debugName().split(".")[0] for value in list(torch.jit.load(str(file)).graph.inputs())[1:]]
