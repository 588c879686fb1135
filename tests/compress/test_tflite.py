"""Quantization for LiteRT, in LiteRT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.compress.quantize.tflite import (
    quantize_tflite_dynamic,
    quantize_tflite_static,
    quantize_tflite_weights,
)
from edgebuild.compress.quantize.tflite_calibrate import calibrate_tflite
from edgebuild.compress.quantize.tflite_graph import operand_kinds
from edgebuild.errors import Refused
from edgebuild.models.convert.tensorflow_to_tflite import tensorflow_to_tflite
from edgebuild.models.inspect.step import inspect_model
from edgebuild.models.tidy.tflite_file import read, write
from tests.compress.conftest import sqnr

Made = Callable[[Path], None]


@pytest.fixture(scope="module")
def network(keras_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Keras network of `tests/models`, float32: image (1, 12, 12, 3), two outputs."""
    file = tmp_path_factory.mktemp("tflite") / "network.tflite"
    tensorflow_to_tflite(keras_files["keras"], "keras", file, {"batch": 1}, {})
    return file


def samples(count: int, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    return {"image": np.random.default_rng(seed).random((count, 12, 12, 3), dtype=np.float32)}


def static(network: Path, folder: Path) -> Path:
    np.savez(folder / "inputs.npz", **samples(40, 1))
    calibrate_tflite(network, folder / "inputs.npz", folder / "ranges.json", "average")
    quantize_tflite_static(network, read_ranges(folder / "ranges.json"), folder / "static.tflite")
    return folder / "static.tflite"


def test_static_runs_on_integers_between_float_ends(network: Path, tmp_path: Path) -> None:
    made = static(network, tmp_path)
    before, after = inspect_model(network, "tflite", {}), inspect_model(made, "tflite", {})
    assert {item.name: item for item in after.inputs} == {item.name: item for item in before.inputs}
    assert {item.name: item for item in after.outputs} == {item.name: item for item in before.outputs}
    kinds = operand_kinds(made.read_bytes())
    assert kinds["integer"] >= 4
    assert kinds["float"] == 0
    # 8 bits for values and weights through four layers, one of them after GELU.
    assert sqnr("litert", made, network, samples(30, 2)) > 20


def test_dynamic_has_integer_weights_and_float_values(network: Path, tmp_path: Path) -> None:
    quantize_tflite_dynamic(network, tmp_path / "dynamic.tflite")
    kinds = operand_kinds((tmp_path / "dynamic.tflite").read_bytes())
    assert kinds["dynamic"] >= 3
    assert kinds["integer"] == 0
    assert sqnr("litert", tmp_path / "dynamic.tflite", network, samples(30, 2)) > 25


@pytest.mark.parametrize(("weights", "least"), [("float16", 55), ("int8", 25)])
def test_weights_alone_are_stored_smaller(weights: str, least: float, network: Path, tmp_path: Path) -> None:
    quantize_tflite_weights(network, tmp_path / "small.tflite", weights)
    assert operand_kinds((tmp_path / "small.tflite").read_bytes())["stored"] >= 3
    assert sqnr("litert", tmp_path / "small.tflite", network, samples(30, 2)) > least


def test_a_file_of_before_2020_names_its_operators_in_another_field(network: Path, tmp_path: Path) -> None:
    model = read(network.read_bytes())
    for code in model.operatorCodes:
        if code.builtinCode < 127:
            code.deprecatedBuiltinCode, code.builtinCode = code.builtinCode, 0
    model.signatureDefs = None
    old = tmp_path / "old.tflite"
    old.write_bytes(write(model))
    made = static(old, tmp_path)
    assert operand_kinds(made.read_bytes())["float"] == 0
    assert sqnr("litert", made, old, samples(30, 2)) > 20
    quantize_tflite_dynamic(old, tmp_path / "dynamic.tflite")
    assert operand_kinds((tmp_path / "dynamic.tflite").read_bytes())["dynamic"] >= 3


def test_two_calls_write_the_same_bytes(network: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert static(network, tmp_path / "a").read_bytes() == static(network, tmp_path / "b").read_bytes()


def test_a_quantized_model_is_not_quantized_again(network: Path, tmp_path: Path) -> None:
    made = static(network, tmp_path)
    with pytest.raises(Refused, match="quantized already") as caught:
        quantize_tflite_dynamic(made, tmp_path / "again.tflite")
    assert caught.value.kind == "not applicable"


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"\x00" * 64)
    np.savez(tmp_path / "inputs.npz", **samples(10, 1))
    with pytest.raises(Refused):
        calibrate_tflite(tmp_path / "m.tflite", tmp_path / "inputs.npz", tmp_path / "ranges.json", "average")
