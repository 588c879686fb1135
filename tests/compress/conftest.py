"""One small network in both formats, and samples to calibrate it with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.models.conftest import keras_files  # noqa: F401 - a fixture

SIDE, CHANNELS, WIDE = 8, 3, 16


def images(count: int, seed: int) -> np.ndarray:
    """Unit normals, float32 (count, 3, 8, 8)."""
    return np.random.default_rng(seed).normal(size=(count, CHANNELS, SIDE, SIDE)).astype(np.float32)


def onnx_network(file: Path, uneven: float = 1.0, loud: float = 1.0) -> Path:
    """Conv, Relu, mean, MatMul; x float32 (1, 3, 8, 8), y float32 (1, 4).

    Args:
        file: to write.
        uneven: factor between the weights of the first and the last channel of the convolution.
        loud: factor of all weights of the last layer.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(11)
    conv = random.normal(size=(WIDE, CHANNELS, 3, 3)) * np.geomspace(1.0, uneven, WIDE)[:, None, None, None]
    # What one layer makes louder the next makes quieter again: every channel counts alike in the output.
    dense = loud * random.normal(size=(WIDE, 4)) / np.geomspace(1.0, uneven, WIDE)[:, None]
    constants = [numpy_helper.from_array(w.astype(np.float32), n) for n, w in (("w", conv), ("v", dense))]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("GlobalAveragePool", ["r"], ["p"]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("MatMul", ["f", "v"], ["y"], name="dense"),
        ],
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, CHANNELS, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), file)
    return file


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    """`inputs.npz` of 40 samples."""
    np.savez(tmp_path / "inputs.npz", x=images(40, 1))
    return tmp_path / "inputs.npz"


def sqnr(session: str, model: Path, reference: Path, samples: dict[str, np.ndarray]) -> float:
    """Signal to quantization noise of all outputs, in dB: 10 log10(Σ reference² / Σ difference²)."""
    from importlib import import_module

    opened = [import_module(f"edgebuild.runtimes.{session}.session").open(str(f), {}) for f in (model, reference)]
    count = len(next(iter(samples.values())))
    signal = noise = 0.0
    for row in range(count):
        ours, theirs = (item.run({name: array[row][None] for name, array in samples.items()}) for item in opened)
        for name, value in theirs.items():
            signal += float((value.astype(np.float64) ** 2).sum())
            noise += float(((ours[name].astype(np.float64) - value) ** 2).sum())
    return 10 * float(np.log10(signal / max(noise, 1e-30)))
