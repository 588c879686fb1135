"""Quantized weights stay small, and quantized activations round as ONNX Runtime's do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgebuild.errors import Refused
from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml
from tests.models.onnx_to_mil.cases import check, coreml, model_of, normal


def int8_weights(axis: int | None = 0) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """MatMul with a weight of 8 bits that is transposed behind DequantizeLinear."""
    rng = np.random.default_rng(3)
    channels = 1 if axis is None else 64
    held = {
        "q": rng.integers(-128, 128, (64, 128)).astype(np.int8),
        "s": np.float32(0.01) if axis is None else (rng.random(channels) / 50).astype(np.float32),
        "z": np.int8(3) if axis is None else rng.integers(-5, 5, channels).astype(np.int8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], axis=axis or 0),
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["y"]),
    ]
    feed = {"x": normal(4, 128)}
    return model_of(nodes, feed, {name: np.asarray(item) for name, item in held.items()}, ["y"]), feed


def weight_bytes(model: onnx.ModelProto, folder: Path, system: str) -> int:
    """Size of the package's weights."""
    onnx.save(model, folder / "m.onnx")
    onnx_to_coreml(folder / "m.onnx", folder / f"{system}.mlpackage", minimum_os=system)
    return sum(file.stat().st_size for file in (folder / f"{system}.mlpackage").rglob("weight.bin"))


@pytest.mark.parametrize("axis", [None, 0])
def test_weights_stay_in_eight_bits_from_ios_16(axis: int | None, tmp_path: Path) -> None:
    model, feed = int8_weights(axis)
    for system in ("iOS15", "iOS16", "iOS18"):
        check(model, feed, tolerance=1e-4, minimum_os=system)
    assert weight_bytes(model, tmp_path, "iOS16") < 0.4 * weight_bytes(model, tmp_path, "iOS15")


def test_four_bits_from_ios_18(tmp_path: Path) -> None:
    data = np.random.default_rng(1).integers(-8, 8, (64, 96))
    packed = helper.make_tensor("q", TensorProto.INT4, data.shape, data.ravel())
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=0, block_size=16),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    feed = {"x": normal(2, 64)}
    model = model_of(nodes, feed, {"s": np.abs(normal(4, 96)) + 0.01}, ["y"], opset=21)
    model.graph.initializer.append(packed)
    for system in ("iOS15", "iOS18"):
        check(model, feed, tolerance=1e-4, minimum_os=system)
    assert weight_bytes(model, tmp_path, "iOS18") < 0.3 * weight_bytes(model, tmp_path, "iOS15")


def activations(kind: type = np.uint8) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Q and DQ around a sum."""
    held = {"s": np.array(0.05, np.float32), "z": np.array(7, kind)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], name="quantize_x"),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("Add", ["d", "d"], ["y"]),
    ]
    feed = {"x": 3 * normal(4, 16)}
    return model_of(nodes, feed, held, ["y"]), feed


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_activations_round_as_in_onnx_runtime(kind: type) -> None:
    check(*activations(kind), minimum_os="iOS17")


def test_activations_before_ios_17_are_refused_with_the_way_out() -> None:
    with pytest.raises(Refused, match=r"node `quantize_x` \(QuantizeLinear\).*iOS 17 on") as caught:
        coreml(*activations(), minimum_os="iOS16")
    assert "iOS17" in caught.value.fix


def test_dynamic_quantization() -> None:
    rng = np.random.default_rng(5)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("MatMulInteger", ["q", "w", "z", "wz"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=1),
        helper.make_node("Mul", ["f", "s"], ["y"]),
    ]
    held = {"w": rng.integers(-128, 128, (32, 8)).astype(np.int8), "wz": np.array(2, np.int8)}
    feed = {"x": normal(3, 32)}
    check(model_of(nodes, feed, held, ["y"]), feed, tolerance=1e-4)
    # Sums of products of bytes exceed what float16 holds and stay in float32; an input rounded to float16 moves some
    # by a quantum: measured 2.7 of 1180.
    check(model_of(nodes, feed, held, ["y"]), feed, tolerance=8, precision="float16")
