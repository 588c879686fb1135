"""What each repair brings, in dB, on MLPerf Tiny networks: `EDGEBUILD_STUDIES=DIR pytest -m bench -s …`.

DIR holds `mlperf-tiny/` and `cifar10-train-4660.npz`. Calibrated with 300 images (100 of the larger network), judged by
600 (200) others, in ONNX Runtime; one row for what is added to those above it, and one for each way to find ranges.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgebuild.compress.quantize.repair.bias import correct_bias
from edgebuild.compress.quantize.repair.chain import quantize_named
from edgebuild.compress.quantize.repair.equalize import equalize
from edgebuild.compress.quantize.repair.histograms import choose_ranges, take_histograms
from edgebuild.compress.quantize.repair.rounding import round_weights
from edgebuild.compress.quantize.repair.smooth import smooth
from tests.compress.conftest import sqnr

pytestmark = pytest.mark.bench

STUDIES = os.environ.get("EDGEBUILD_STUDIES", "")
NETWORKS = {"resnet8": (300, 600), "vww": (100, 200)}


class Study:
    """One network with samples of its own, and files by name."""

    def __init__(self, name: str, folder: Path) -> None:
        """Args: name: of the network. folder: for everything that is written."""
        self.name, self.folder = name, folder
        self.model = Path(STUDIES, "mlperf-tiny", f"{name}.onnx")
        with np.load(Path(STUDIES, "cifar10-train-4660.npz")) as archive:
            images = archive["X"][np.random.default_rng(0).permutation(len(archive["X"]))]
        calibrate, judge = NETWORKS[name]
        given = images[: calibrate + judge].transpose(0, 3, 1, 2).astype(np.float32)
        if name == "vww":
            given = np.repeat(np.repeat(given, 3, 2), 3, 3) / np.float32(255)
        self.input = onnx.load(self.model).graph.input[0].name
        self.inputs = folder / "inputs.npz"
        np.savez(self.inputs, **{self.input: given[:calibrate]})
        self.judged = {self.input: given[calibrate:]}

    def quantized(self, model: Path, method: str = "minmax", percentile: float = 99.99) -> Path:
        """By one way to find ranges."""
        files = [self.folder / f"{model.stem}-{method}{percentile:g}.{suffix}" for suffix in ("npz", "json", "onnx")]
        take_histograms(model, self.inputs, files[0], 2048)
        choose_ranges(files[0], files[1], method, percentile)
        quantize_named(model, files[1], files[2], {}, False)
        return files[2]

    def corrected(self, model: Path, made: Path) -> Path:
        """With rounding and biases of a quantized model corrected."""
        rounded, output = made.with_suffix(".r.onnx"), made.with_suffix(".rb.onnx")
        round_weights(model, made, self.inputs, rounded)
        correct_bias(model, rounded, self.inputs, output)
        return output

    def row(self, words: str, made: Path) -> float:
        """Print SQNR against the network in floating point."""
        found = sqnr("onnxruntime", made, self.model, self.judged)
        print(f"{self.name:8} {words:44} {found:6.2f} dB")
        return found


@pytest.fixture(params=NETWORKS)
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Study:
    if not STUDIES:
        pytest.skip("EDGEBUILD_STUDIES names no folder")
    return Study(request.param, tmp_path)


def test_what_each_repair_brings(study: Study) -> None:
    plain = study.quantized(study.model)
    study.row("INT8, minmax", plain)
    for method, percentile in (("percentile", 99.99), ("percentile", 99.9), ("entropy", 0.0), ("mse", 0.0)):
        study.row(f"INT8, {method} {percentile or ''}", study.quantized(study.model, method, percentile))
    correct_bias(study.model, plain, study.inputs, study.folder / "bias.onnx")
    study.row("minmax + bias correction", study.folder / "bias.onnx")
    round_weights(study.model, plain, study.inputs, study.folder / "rounded.onnx")
    study.row("minmax + adaptive rounding", study.folder / "rounded.onnx")
    nearest = study.quantized(study.model, "mse", 0.0)
    study.row("mse + adaptive rounding + bias correction", study.corrected(study.model, nearest))
    bases = {"equalized": study.folder / "equalized.onnx"}
    equalize(study.model, bases["equalized"])
    for alpha in (0.25, 0.5):
        bases[f"smoothed {alpha}"] = study.folder / f"smoothed{alpha}.onnx"
        smooth(study.model, study.inputs, bases[f"smoothed {alpha}"], alpha)
    for words, base in bases.items():
        study.row(f"{words}, in floating point", base)
        study.row(f"{words}, minmax", study.quantized(base))
        made = study.quantized(base, "mse", 0.0)
        study.row(f"{words}, mse + rounding + bias", study.corrected(base, made))


def test_equalizing_undoes_a_rescaling_of_channels(tmp_path: Path) -> None:
    if not STUDIES:
        pytest.skip("EDGEBUILD_STUDIES names no folder")
    study = Study("vww", tmp_path)
    broken = rescaled(study.model, tmp_path / "broken.onnx")
    whole = study.row("INT8 per channel", study.quantized(study.model))
    study.row("channels rescaled by 2^U(-3, 3), in floating point", broken)
    study.row("INT8 of it", study.quantized(broken))
    equalize(broken, tmp_path / "equal.onnx")
    found = study.row("INT8 of it, equalized", study.quantized(tmp_path / "equal.onnx"))
    print(f"recovered to {found - whole:+.2f} dB of the undamaged network; wanted: -1 or more")


def rescaled(model: Path, output: Path) -> Path:
    """The network with the channels of each activation between two convolutions multiplied, and the same answers."""
    loaded, random = onnx.load(model), np.random.default_rng(0)
    stored = {tensor.name: tensor for tensor in loaded.graph.initializer}
    layers = [node for node in loaded.graph.node if node.op_type == "Conv"]
    for node, after in pairwise(layers):
        weights, bias, reading = (numpy_helper.to_array(stored[n]) for n in (*node.input[1:3], after.input[1]))
        factors = (2.0 ** random.uniform(-3, 3, len(bias))).astype(np.float32)
        depthwise = reading.shape[1] == 1 and len(reading) == len(bias)
        taken = factors.reshape(-1, 1, 1, 1) if depthwise else factors.reshape(1, -1, 1, 1)
        values = (weights * factors.reshape(-1, 1, 1, 1), bias * factors, reading / taken)
        for name, value in zip((*node.input[1:3], after.input[1]), values, strict=True):
            stored[name].CopyFrom(numpy_helper.from_array(value, name))
    onnx.save(loaded, output)
    return output
