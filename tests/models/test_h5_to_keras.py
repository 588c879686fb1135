"""Keras `.h5` → `.keras`: the same function, in a file that any Keras 3 opens."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebuild.models.convert.h5_to_keras import h5_to_keras
from edgebuild.models.routes import shortest
from tests.compress.train.conftest import network, pictures


def test_says_the_same_in_the_same_bytes(tmp_path: Path) -> None:
    import keras

    model = network(normalized=True)
    x = pictures(16, 1)[0]
    want = model.predict(x, verbose=0)
    model.save(tmp_path / "model.h5")
    for name in ("a", "b"):
        h5_to_keras(tmp_path / "model.h5", tmp_path / f"{name}.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    made = keras.models.load_model(tmp_path / "a.keras")
    assert [layer.name for layer in made.layers] == [layer.name for layer in model.layers]
    np.testing.assert_array_equal(made.predict(x, verbose=0), want)


def test_a_layer_of_ours_does_not_stay_in_the_file(tmp_path: Path) -> None:
    import keras

    image = keras.Input((8, 8, 4), name="image")
    model = keras.Model(image, keras.layers.DepthwiseConv2D(3, name="depth")(image))
    model.save(tmp_path / "model.h5")
    h5_to_keras(tmp_path / "model.h5", tmp_path / "model.keras")
    made = keras.models.load_model(tmp_path / "model.keras")
    assert type(made.get_layer("depth")) is keras.layers.DepthwiseConv2D


def test_no_conversion_of_before_takes_another_way() -> None:
    assert [route.target for route in shortest("h5", "tflite")] == ["tflite"]
    assert [route.target for route in shortest("h5", "onnx")] == ["onnx-checked", "onnx"]
