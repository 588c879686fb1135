"""Two forms of a model, layer by layer: where they begin to differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgebuild.core.dossier import Call, CandidateFile
from edgebuild.core.evidence import Measurement
from edgebuild.decide.budgets import Budget
from edgebuild.decide.differences import differences, first_different
from edgebuild.measure.layers import CompareLayers, compared, layers
from tests.conftest import Bench, wire

ORT = Call(session="edgebuild.runtimes.onnxruntime.session", runtime="onnxruntime")
PARITY = Budget(typed="all.parity", quantity="parity", form="max", limit=1e-3, unit="1", text="0.001")


def two_branches(wrong: str = "") -> onnx.ModelProto:
    """image → stem → (left, right) → sum → scores; one layer's weights may be off."""
    random = np.random.default_rng(0)
    weights = {name: random.normal(size=(4, 4, 3, 3)).astype(np.float32) for name in ("stem", "left", "right")}
    if wrong:
        weights[wrong][0, 0, 0, 0] += 0.5
    nodes = [
        helper.make_node("Conv", ["image", "stem_w"], ["stem"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["stem", "left_w"], ["left"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["left"], ["left_relu"]),
        helper.make_node("Conv", ["stem", "right_w"], ["right"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["left_relu", "right"], ["sum"]),
        helper.make_node("Softmax", ["sum"], ["scores"], axis=1),
    ]
    sides = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4, 6, 6]) for name in ("image", "scores")]
    kept = [numpy_helper.from_array(value, f"{name}_w") for name, value in weights.items()]
    graph = helper.make_graph(nodes, "two branches", sides[:1], sides[1:], kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image = np.random.default_rng(1).normal(size=(3, 4, 6, 6)).astype(np.float32)
    np.savez(tmp_path / "inputs.npz", image=image)
    onnx.save(two_branches(), tmp_path / "right.onnx")
    return tmp_path


def rows(folder: Path, wrong: str, call: Call = ORT) -> list[dict[str, Any]]:
    onnx.save(two_branches(wrong), folder / "wrong.onnx")
    inputs = folder / "inputs.npz"
    reference = layers(folder / "right.onnx", ORT, inputs, folder / "reference", 60)
    candidate = layers(folder / "wrong.onnx", call, inputs, folder / f"candidate-{wrong}", 60)
    found: list[dict[str, Any]] = compared(reference, candidate)["layers"]
    return found


@pytest.mark.parametrize("wrong", ["stem", "left", "right"])
def test_the_layer_whose_weights_are_off_is_named(folder: Path, wrong: str) -> None:
    first = first_different(rows(folder, wrong), 1e-4)
    assert first is not None
    assert (first["name"], first["op"]) == (wrong, "Conv")


def test_equal_models_do_not_differ_whatever_the_runtime_fuses(folder: Path) -> None:
    found = rows(folder, "", ORT.model_copy(update={"options": {"optimization": "none"}}))
    assert [row["name"] for row in found] == ["stem", "left", "left_relu", "right", "sum", "scores"]
    assert max(row["error"] for row in found) < 1e-5
    assert first_different(found, 1e-4) is None


def test_a_layer_that_was_fused_away_is_not_blamed() -> None:
    layers = [
        {"name": "conv", "op": "Conv", "inputs": ["image"], "error": None},
        {"name": "relu", "op": "Relu", "inputs": ["conv"], "error": 1e-7},
        {"name": "dense", "op": "Gemm", "inputs": ["relu"], "error": 0.2},
        {"name": "softmax", "op": "Softmax", "inputs": ["dense"], "error": 0.1},
    ]
    first = first_different(layers, 1e-3)
    assert first is not None and first["name"] == "dense"


def test_the_step_writes_what_the_decision_tells(folder: Path, bench: Bench) -> None:
    onnx.save(two_branches("right"), folder / "wrong.onnx")
    bench.inputs.update(right=folder / "right.onnx", wrong=folder / "wrong.onnx", samples=folder)
    step = CompareLayers(
        model=wire("wrong"), call=ORT, reference=wire("right"), reference_call=ORT, samples=wire("samples")
    )
    import json

    found = json.loads(bench.run(step).read_text(encoding="utf-8"))
    far = Measurement(quantity="parity", value=0.3, unit="1", evidence="measured", split="select")
    file = CandidateFile(name="source", recipe="", measurements=(far,))
    (told,) = differences([file], {"source": found}, [PARITY])
    assert told.startswith("`source` is beyond its parity budget: the first layer that differs is `right` (Conv), by ")
    near = far.model_copy(update={"value": 1e-4})
    assert differences([file.model_copy(update={"measurements": (near,)})], {"source": found}, [PARITY]) == ()
