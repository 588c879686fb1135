"""Integers at the ends of quantized models: the same numbers, other types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.compress.quantize.tflite import quantize_tflite_dynamic, quantize_tflite_static
from edgebuild.compress.quantize.tflite_calibrate import calibrate_tflite
from edgebuild.compress.quantize.tflite_ends import ChangeEnds, with_ends
from edgebuild.errors import Refused
from edgebuild.runtimes.litert import session
from tests.conftest import Bench, wire
from tests.deliver.packages import FEATURES, tflite_model


@pytest.fixture
def quantized(tmp_path: Path) -> Path:
    """Integers between float ends."""
    model = tflite_model(tmp_path / "float.tflite")
    samples = np.random.default_rng(3).normal(size=(20, FEATURES)).astype(np.float32)
    np.savez(tmp_path / "inputs.npz", x=samples)
    calibrate_tflite(model, tmp_path / "inputs.npz", tmp_path / "ranges.json", "minmax")
    quantize_tflite_static(model, read_ranges(tmp_path / "ranges.json"), tmp_path / "int8.tflite")
    return tmp_path / "int8.tflite"


def run(model: Path, x: np.ndarray, **options: object) -> np.ndarray:
    return session.open(str(model), dict(options)).run({"x": x})["y"]


@pytest.mark.parametrize("ends", ["int8", "uint8"])
def test_the_ends_are_integers_and_mean_the_same(ends: str, quantized: Path, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench", model=quantized)
    made = bench.run(ChangeEnds.model_validate({"model": wire("model"), "ends": ends}))
    opened = session.open(str(made), {})
    assert [item["name"] for item in (*opened.inputs, *opened.outputs)] == ["x", "y"]
    assert {item["raw_dtype"] for item in (*opened.inputs, *opened.outputs)} == {ends}
    for row in np.random.default_rng(4).normal(size=(20, 1, FEATURES)).astype(np.float32):
        # One quantization less at each end inside, one more outside: the same arithmetic, so the same numbers.
        np.testing.assert_array_equal(run(made, row), run(quantized, row))


def test_integers_are_taken_as_they_are(quantized: Path, tmp_path: Path) -> None:
    made = tmp_path / "uint8.tflite"
    made.write_bytes(with_ends(quantized.read_bytes(), "uint8"))
    raw = session.open(str(made), {"raw_io": True}).run({"x": np.full((1, FEATURES), 200, np.uint8)})["y"]
    assert raw.dtype == np.uint8


def test_the_same_model_gives_the_same_bytes(quantized: Path) -> None:
    assert with_ends(quantized.read_bytes(), "int8") == with_ends(quantized.read_bytes(), "int8")


def test_what_is_an_integer_already_stays(tmp_path: Path) -> None:
    model = tflite_model(tmp_path / "m.tflite", quantized=True)
    same = tmp_path / "same.tflite"
    same.write_bytes(with_ends(model.read_bytes(), "int8"))
    x = np.ones((1, FEATURES), np.float32)
    np.testing.assert_array_equal(run(same, x), run(model, x))
    with pytest.raises(Refused, match="its input `x` is int8 already"):
        with_ends(model.read_bytes(), "uint8")


def test_what_integers_cannot_stand_for_is_refused(quantized: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="stands for int8 inside the model, which int16 cannot stand for"):
        with_ends(quantized.read_bytes(), "int16")
    model = tflite_model(tmp_path / "float2.tflite")
    with pytest.raises(Refused, match="its input `x` is used in floating point") as caught:
        with_ends(model.read_bytes(), "int8")
    assert caught.value.kind == "not applicable"
    quantize_tflite_dynamic(model, tmp_path / "dynamic.tflite")
    with pytest.raises(Refused, match="used in floating point"):
        with_ends((tmp_path / "dynamic.tflite").read_bytes(), "int8")
