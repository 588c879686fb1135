"""Conversions of a real network: the same numbers under the same names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.engine.process.environment import ENVIRONMENT
from edgebuild.errors import Refused
from edgebuild.models.convert.tensorflow_to_onnx import tensorflow_to_onnx
from edgebuild.models.convert.tensorflow_to_tflite import tensorflow_to_tflite
from edgebuild.models.convert.tflite_to_onnx import tflite_to_onnx
from edgebuild.models.inspect.step import inspect_model
from edgebuild.models.tidy.simplify import simplify
from tests.models.conftest import furthest, outputs

SHAPES = {"batch": 1}
CLOSE = 1e-5
"""Float32 kernels sum in another order; seen 2e-7."""

FORMS = ("keras", "h5", "savedmodel")


@pytest.mark.parametrize("form", FORMS)
def test_onnx_says_what_the_source_says(
    form: str, keras_files: dict[str, Path], images: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    converted = tmp_path / "model.onnx"
    tensorflow_to_onnx(keras_files[form], form, converted, SHAPES, {})
    reference = outputs("reference", keras_files[form], images)
    assert furthest(outputs("onnxruntime", converted, images), reference) < CLOSE


@pytest.mark.parametrize("form", FORMS)
def test_tflite_says_what_the_source_says(
    form: str, keras_files: dict[str, Path], images: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    converted = tmp_path / "model.tflite"
    tensorflow_to_tflite(keras_files[form], form, converted, SHAPES, {})
    reference = outputs("reference", keras_files[form], images)
    assert furthest(outputs("litert", converted, images), reference) < CLOSE


@pytest.mark.parametrize("form", FORMS)
def test_tflite_holds_its_weights(form: str, keras_files: dict[str, Path], tmp_path: Path) -> None:
    converted = tmp_path / "model.tflite"
    tensorflow_to_tflite(keras_files[form], form, converted, SHAPES, {})
    facts = inspect_model(converted, "tflite", {})
    assert "READ_VARIABLE" not in facts.ops
    assert facts.ops["FULLY_CONNECTED"] == 2


@pytest.mark.parametrize("form", FORMS)
def test_names_and_types_are_the_sources(form: str, keras_files: dict[str, Path], tmp_path: Path) -> None:
    source = inspect_model(keras_files[form], form, {})
    tensorflow_to_onnx(keras_files[form], form, tmp_path / "model.onnx", SHAPES, {})
    tensorflow_to_tflite(keras_files[form], form, tmp_path / "model.tflite", SHAPES, {})
    for name, kind in (("model.onnx", "onnx"), ("model.tflite", "tflite")):
        facts = inspect_model(tmp_path / name, kind, {})
        for side in ("inputs", "outputs"):
            wanted = {item.name: (item.dtype, (1, *item.shape[1:])) for item in getattr(source, side)}
            assert {item.name: (item.dtype, item.shape) for item in getattr(facts, side)} == wanted


def test_an_axis_without_a_size_stays_open(keras_files: dict[str, Path], tmp_path: Path) -> None:
    tensorflow_to_onnx(keras_files["keras"], "keras", tmp_path / "model.onnx", {}, {})
    facts = inspect_model(tmp_path / "model.onnx", "onnx", {})
    assert not isinstance(facts.inputs[0].shape[0], int)


def test_two_processes_write_the_same_onnx(keras_files: dict[str, Path], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from edgebuild.models.convert.tensorflow_to_onnx import tensorflow_to_onnx\n"
        "tensorflow_to_onnx(Path(sys.argv[1]), 'keras', Path(sys.argv[2]), {'batch': 1}, {})\n"
    )
    files = [tmp_path / "one.onnx", tmp_path / "two.onnx"]
    for file in files:
        command = [sys.executable, "-c", code, str(keras_files["keras"]), str(file)]
        subprocess.run(command, check=True, capture_output=True)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_processes_that_steps_run_in_write_the_same_onnx_of_a_graph_with_many_ways_to_simplify(tmp_path: Path) -> None:
    """basic-pitch, whose reshapes tf2onnx's optimizers merge in this order or in that."""
    import importlib.util

    found = importlib.util.find_spec("basic_pitch")
    assert found and found.origin
    model = Path(found.origin).parent / "saved_models" / "icassp_2022" / "nmp.tflite"
    code = (
        "import sys; from pathlib import Path\n"
        "from edgebuild.models.convert.tflite_to_onnx import tflite_to_onnx\n"
        "tflite_to_onnx(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    files = [tmp_path / f"{number}.onnx" for number in range(4)]
    for file in files:
        command = [sys.executable, "-c", code, str(model), str(file)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **ENVIRONMENT})
    assert len({file.read_bytes() for file in files}) == 1


def test_tflite_becomes_onnx_with_its_names(images: np.ndarray[Any, Any], tmp_path: Path) -> None:
    import keras

    image = keras.Input((12, 12, 3), name="image")
    deep = keras.layers.Conv2D(4, 3, activation="relu")(image)
    model = keras.Model(image, keras.layers.Dense(3, name="scores")(keras.layers.Flatten()(deep)))
    model.save(tmp_path / "m.keras")
    tensorflow_to_tflite(tmp_path / "m.keras", "keras", tmp_path / "m.tflite", SHAPES, {})
    tflite_to_onnx(tmp_path / "m.tflite", tmp_path / "m.onnx")
    simplify(tmp_path / "m.onnx", tmp_path / "s.onnx", SHAPES, {})
    reference = outputs("litert", tmp_path / "m.tflite", images)
    assert furthest(outputs("onnxruntime", tmp_path / "s.onnx", images), reference) < CLOSE


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu_of_tflite_becomes_standard_operators(approximate: bool, tmp_path: Path) -> None:
    import keras

    given = keras.Input((6,), name="x")
    found = keras.ops.gelu(keras.layers.Dense(8)(given), approximate=approximate)
    keras.Model(given, keras.layers.Dense(3, name="y")(found)).save(tmp_path / "m.keras")
    tensorflow_to_tflite(tmp_path / "m.keras", "keras", tmp_path / "m.tflite", SHAPES, {})
    tflite_to_onnx(tmp_path / "m.tflite", tmp_path / "m.onnx")
    x = np.random.default_rng(2).normal(size=(8, 6)).astype(np.float32) * 3
    assert furthest(outputs("onnxruntime", tmp_path / "m.onnx", x), outputs("litert", tmp_path / "m.tflite", x)) < CLOSE


def test_a_damaged_keras_file_is_refused_in_its_readers_words(tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_bytes(b"no zip")
    with pytest.raises(Refused, match="keras: ") as caught:
        tensorflow_to_onnx(tmp_path / "m.keras", "keras", tmp_path / "m.onnx", SHAPES, {})
    assert caught.value.kind == "rejected"


@pytest.mark.parametrize(("operator", "words"), [("lgamma", "Lgamma"), ("digamma", "Digamma")])
def test_an_operator_that_tf2onnx_passes_on_is_refused_by_name(operator: str, words: str, tmp_path: Path) -> None:
    import tensorflow as tf

    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32, name="x")])
        def serve(self, x: Any) -> dict[str, Any]:
            return {"y": getattr(tf.math, operator)(x) + 1.0}

    model = Model()
    tf.saved_model.save(model, str(tmp_path / "m"), signatures={"serving_default": model.serve})
    with pytest.raises(Refused, match=f"it has no ONNX form for {words}") as caught:
        tensorflow_to_onnx(tmp_path / "m", "savedmodel", tmp_path / "m.onnx", {}, {})
    assert caught.value.by == "tf2onnx"
    assert not (tmp_path / "m.onnx").exists()


def test_weights_in_float16_become_onnx(tmp_path: Path) -> None:
    from edgebuild.compress.quantize.tflite import quantize_tflite_weights
    from tests.models import zoo_keras

    files = zoo_keras.write(zoo_keras.separable, tmp_path, "separable")
    quantize_tflite_weights(files["tflite"], tmp_path / "half.tflite", "float16")
    tflite_to_onnx(tmp_path / "half.tflite", tmp_path / "m.onnx")
    simplify(tmp_path / "m.onnx", tmp_path / "s.onnx", SHAPES, {})
    facts = inspect_model(tmp_path / "s.onnx", "onnx", {})
    assert not {"Cast", "Add"} & set(facts.ops)
    spectrograms = np.random.default_rng(6).normal(size=(8, 49, 10, 1)).astype(np.float32)
    reference = outputs("litert", tmp_path / "half.tflite", spectrograms)
    assert furthest(outputs("onnxruntime", tmp_path / "s.onnx", spectrograms), reference) < CLOSE
    # Half weights are not the float ones: the model that was converted is the quantized one.
    assert furthest(outputs("litert", files["tflite"], spectrograms), reference) > CLOSE / 10
