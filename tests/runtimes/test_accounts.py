"""What became of the operations, from real traces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgebuild.compress.quantize.onnx_dynamic import quantize_dynamic
from edgebuild.compress.quantize.onnx_static import calibrate_ranges, quantize_static
from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.core.dossier import Account
from edgebuild.core.wires import Artifact
from edgebuild.runtimes.base import Target
from edgebuild.runtimes.litert.target import LiteRTTarget
from edgebuild.runtimes.onnxruntime.account import account
from edgebuild.runtimes.onnxruntime.session import usual
from edgebuild.runtimes.onnxruntime.target import OnnxRuntimeTarget
from tests.compress.conftest import images, onnx_network
from tests.conftest import Bench, wire
from tests.deliver.packages import tflite_model


def traced(target: Target, model: Path, folder: Path, **inputs: np.ndarray) -> Account:
    """The account that the target's own step writes."""
    (folder / "samples").mkdir()
    np.savez(folder / "samples" / "inputs.npz", **inputs)
    bench = Bench(folder / "bench", model=model, samples=folder / "samples")
    step = target.account(Artifact(id="model", filename=model.name), wire("samples"))
    return Account.model_validate(json.loads(bench.run(step).read_text()))


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return onnx_network(tmp_path / "network.onnx")


ORT = OnnxRuntimeTarget(runtime="onnxruntime")


def test_a_float_model_runs_in_floating_point(network: Path, tmp_path: Path) -> None:
    found = traced(ORT, network, tmp_path, x=images(2, 1))
    assert (found.integer_ops, found.float_ops, found.conversions) == (0, 2, 0)
    assert set(found.placement) == {"CPUExecutionProvider"}
    assert found.slowest and found.slowest[0][1] >= found.slowest[-1][1] > 0


def test_static_int8_is_fused_into_integer_kernels(network: Path, calibration: Path, tmp_path: Path) -> None:
    calibrate_ranges(network, calibration, tmp_path / "ranges.json", "minmax")
    quantize_static(network, read_ranges(tmp_path / "ranges.json"), tmp_path / "int8.onnx")
    found = traced(ORT, tmp_path / "int8.onnx", tmp_path, x=images(2, 1))
    assert (found.integer_ops, found.float_ops) == (2, 0)
    assert found.conversions >= 2
    assert "2 of 2 heavy operators run on integer kernels" in found.words


def test_dynamic_int8_quantizes_at_run_time(network: Path, tmp_path: Path) -> None:
    quantize_dynamic(network, tmp_path / "dynamic.onnx")
    found = traced(ORT, tmp_path / "dynamic.onnx", tmp_path, x=images(2, 1))
    assert found.integer_ops == 2
    assert "DynamicQuantizeLinear" in found.words


def test_time_is_told_by_what_it_is_spent_on(network: Path, calibration: Path, tmp_path: Path) -> None:
    calibrate_ranges(network, calibration, tmp_path / "ranges.json", "minmax")
    quantize_static(network, read_ranges(tmp_path / "ranges.json"), tmp_path / "int8.onnx")
    found = traced(ORT, tmp_path / "int8.onnx", tmp_path, x=images(2, 1)).times
    assert list(found) == ["integer", "float", "conversions", "other"]
    assert found["integer"] > 0
    assert found["conversions"] > 0
    assert found["float"] == 0


def test_one_slow_run_does_not_make_an_operator_slow() -> None:
    assert usual([900.0, 5.0, 5.0, 1300.0, 6.0, 5.0], 5) == 5.0
    # Two iterations of a loop in each of three runs, the first left out.
    assert usual([50.0, 50.0, 2.0, 3.0, 2.0, 4.0], 2) == 5.5
    # In a branch that two of four runs took.
    assert usual([8.0, 4.0], 4) == 3.0


def test_unfused_pairs_are_called_what_they_are() -> None:
    graph = {"Conv": 3, "QuantizeLinear": 6, "DequantizeLinear": 9}
    words = account({"graph": graph, "ops": []}).words
    assert words.startswith("ONNX Runtime fused none of the 3 heavy operators into an integer kernel: 3 Conv run in")
    assert "15 conversions" in words


@pytest.mark.parametrize(("quantized", "integers"), [(False, 0), (True, 1)])
def test_litert_counts_by_arithmetic_and_delegate(quantized: bool, integers: int, tmp_path: Path) -> None:
    model = tflite_model(tmp_path / "m.tflite", quantized)
    found = traced(LiteRTTarget(runtime="litert"), model, tmp_path, x=np.zeros((2, 8), np.float32))
    assert (found.integer_ops, found.float_ops) == (integers, 1 - integers)
    assert found.ops == {"FULLY_CONNECTED": 1}
    assert sum(found.placement.values()) == 1
