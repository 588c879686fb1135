"""Mixtures of TFLite models and Core ML packages, made by the real tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.compress.quantize.tflite_calibrate import calibrate_tflite
from edgebuild.compress.quantize.tflite_graph import operand_kinds
from edgebuild.compress.search.precision.coreml import PAIRS, coreml_layers, store
from edgebuild.compress.search.precision.mixtures import Mixture
from edgebuild.compress.search.precision.tflite import (
    DYNAMIC,
    KINDS,
    STATIC,
    WEIGHTS,
    WEIGHTS4,
    TryTflite,
    tflite_layers,
)
from edgebuild.core.dossier import Call
from edgebuild.core.wires import Artifact
from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml
from tests.compress.test_precision_search import chain

WIDE = 16


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three convolutions and a dense layer; x float32 (1, 8, 8, 3)."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    given = keras.Input((8, 8, 3), batch_size=1, name="x")
    value = given
    for number in range(3):
        value = keras.layers.Conv2D(WIDE, 3, padding="same", activation="relu", name=f"conv{number}")(value)
    value = keras.layers.GlobalAveragePooling2D()(value)
    model = keras.Model(given, keras.layers.Dense(4, name="dense")(value))
    file = tmp_path_factory.mktemp("lite") / "model.tflite"
    file.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return file


def tried(lite: Path, folder: Path, *mixtures: Mixture) -> list[Path]:
    np.savez(folder / "inputs.npz", x=np.random.default_rng(0).normal(size=(20, 8, 8, 3)).astype(np.float32))
    calibrate_tflite(lite, folder / "inputs.npz", folder / "ranges.json", "average")
    wire = Artifact(id="0", filename="model.tflite")
    call = Call(runtime="litert", session="edgebuild.runtimes.litert.session")
    step = TryTflite(model=wire, ranges=wire, samples=wire, call=call, mixtures=mixtures)
    made = list(step.make(lite, folder / "ranges.json", folder))
    assert [why for _, why in made] == [None] * len(mixtures)
    return [folder / f"{number}.tflite" for number, _ in made]


def test_layers_of_a_tflite_model(lite: Path) -> None:
    layers = tflite_layers(lite)
    assert [layer.op for layer in layers] == ["CONV_2D"] * 3 + ["FULLY_CONNECTED"]
    assert [layer.macs for layer in layers] == [64 * 16 * 27, 64 * 16 * 144, 64 * 16 * 144, 64]


@pytest.mark.parametrize("scheme", [STATIC, DYNAMIC, WEIGHTS])
def test_each_scheme_reaches_the_layers_it_is_about_and_no_others(lite: Path, tmp_path: Path, scheme: str) -> None:
    one, whole = tried(lite, tmp_path, *(Mixture(first=first, last=3, scheme=scheme) for first in (3, 0)))
    few, all_of_them = (operand_kinds(file.read_bytes())[KINDS[scheme]] for file in (one, whole))
    assert few == 1
    assert all_of_them >= 4


def test_four_bits_are_half_of_eight(lite: Path, tmp_path: Path) -> None:
    eight, four = tried(lite, tmp_path, *(Mixture(first=0, last=3, scheme=name) for name in (WEIGHTS, WEIGHTS4)))
    weights = 16 * 27 + 2 * 16 * 144
    assert four.stat().st_size < eight.stat().st_size - 0.4 * weights


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of convolutions in float16."""
    folder = tmp_path_factory.mktemp("package")
    onnx_to_coreml(chain(folder / "chain.onnx"), folder / "model.mlpackage", minimum_os="iOS18", precision="float16")
    return folder / "model.mlpackage"


def test_weights_of_a_package_are_stored_one_by_one(package: Path, tmp_path: Path) -> None:
    layers = coreml_layers(package)
    assert [layer.macs for layer in layers] == [8 * 8 * 9] * 5
    sizes = []
    for number, floats in enumerate([(), (0, 1), (0, 1, 2, 3)]):
        mixture = Mixture(first=0, last=4, floats=floats, scheme="8-bit storage", others=PAIRS["8-bit storage"])
        store(package, tmp_path / f"{number}.mlpackage", layers, mixture)
        sizes.append((tmp_path / f"{number}.mlpackage/Data/com.apple.CoreML/weights/weight.bin").stat().st_size)
    assert sizes == sorted(sizes)
    assert sizes[2] - sizes[0] > 3 * 8 * 8 * 9
