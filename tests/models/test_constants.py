"""Inputs that a spec holds constant: their arrays, and the models without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.core.dossier import Tensor
from edgebuild.errors import Refused
from edgebuild.models.convert.tensorflow_to_onnx import tensorflow_to_onnx
from edgebuild.models.convert.tensorflow_to_tflite import tensorflow_to_tflite
from edgebuild.models.inspect.constants import array_of, wrong
from edgebuild.models.inspect.step import inspect_model
from tests.models.conftest import furthest, said

SHAPES = {"batch": 1}


@pytest.mark.parametrize(
    ("value", "shape", "dtype", "wanted"),
    [
        (16000, (), "int64", np.array(16000)),
        (1, (1, 2), "float32", np.ones((1, 2))),
        ((1, 2, 3, 4), (2, 2), "int32", np.array([[1, 2], [3, 4]])),
        ((5,), (), "int64", np.array(5)),
        (True, (1,), "bool", np.array([True])),
        (0.1, (1,), "float32", np.array([0.1], np.float32)),
    ],
)
def test_a_value_takes_the_inputs_type_and_shape(value: Any, shape: Any, dtype: str, wanted: Any) -> None:
    found = array_of(value, shape, dtype)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, wanted, strict=False)
    assert found.shape == shape


@pytest.mark.parametrize(
    ("value", "shape", "dtype", "words"),
    [
        (1.5, (), "int64", "int64 cannot hold 1.5"),
        (300, (), "uint8", "uint8 cannot hold 300"),
        (2, (), "bool", "bool cannot hold 2"),
        (1e39, (), "float32", "float32 cannot hold"),
        ((1, 2, 3), (2, 2), "int64", "3 values do not fill"),
        (1, ("seq",), "int64", "axis `seq` has no size"),
        (1, (), "object", "cannot hold 1"),
    ],
)
def test_a_value_that_does_not_fit_is_told(value: Any, shape: Any, dtype: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        array_of(value, shape, dtype)


def test_a_candidate_of_the_users_own_may_lack_the_input_and_one_input_is_left_to_the_samples() -> None:
    inputs = (Tensor(name="x", shape=(1,), dtype="float32"),)
    assert wrong({"sr": 1}, inputs, complete=False) == []
    assert [problem.where for problem in wrong({"sr": 1}, inputs, complete=True)] == ["model.inputs.sr"]
    assert "every input" in wrong({"x": 1}, inputs, complete=True)[0].what


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`gain` (batch, 2) times a dense layer of `x` (batch, 3), in each form of TensorFlow's."""
    import keras

    keras.utils.set_random_seed(3)
    x, gain = keras.Input((3,), name="x"), keras.Input((2,), name="gain")
    y = keras.layers.Multiply(name="y")([gain, keras.layers.Dense(2)(x)])
    model = keras.Model([gain, x], y)
    folder = tmp_path_factory.mktemp("scaled")
    files = {"keras": folder / "m.keras", "h5": folder / "m.h5", "savedmodel": folder / "m"}
    model.save(files["keras"])
    model.save(files["h5"])
    model.export(files["savedmodel"], verbose=False)
    return files


@pytest.mark.parametrize("form", ["keras", "h5", "savedmodel"])
@pytest.mark.parametrize("target", ["onnx", "tflite"])
def test_a_traced_model_closes_over_a_constant(form: str, target: str, scaled: dict[str, Path], tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    convert = tensorflow_to_onnx if target == "onnx" else tensorflow_to_tflite
    made = tmp_path / f"m.{target}"
    convert(scaled[form], form, made, SHAPES, {}, {"gain": (2, -3)})
    assert [item.name for item in inspect_model(made, target, {}).inputs] == ["x"]
    reference = said(
        "reference", scaled[form], [{"x": one[None], "gain": np.array([[2, -3]], np.float32)} for one in x]
    )
    found = said("onnxruntime" if target == "onnx" else "litert", made, [{"x": one[None]} for one in x])
    assert furthest(found, reference) < 1e-6


def test_a_traced_model_refuses_what_its_input_cannot_hold(scaled: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises((Refused, ValueError), match="do not fill"):
        tensorflow_to_onnx(scaled["h5"], "h5", tmp_path / "m.onnx", SHAPES, {}, {"gain": (1, 2, 3)})
