"""Keras models written as a list of layers."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from edgebuild.models.convert.tensorflow_to_onnx import tensorflow_to_onnx
from edgebuild.models.inspect.keras_facts import keras_facts
from tests.models.conftest import said


@pytest.mark.parametrize("form", ["keras", "h5"])
def test_a_sequential_model_is_a_source_like_any_other(form: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6, 6, 2), name="image"), keras.layers.Conv2D(4, 3), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(3, name="scores")])
    model.save(tmp_path / f"model.{form}")
    facts = keras_facts(tmp_path / f"model.{form}", form, {})
    assert ([item.name for item in facts.inputs], [item.name for item in facts.outputs]) == (["image"], ["scores"])
    assert facts.macs == 16 * 9 * 2 * 4 + 64 * 3
    tensorflow_to_onnx(tmp_path / f"model.{form}", form, tmp_path / "model.onnx", {"batch": 1}, {})
    feeds = [{"image": np.random.default_rng(1).normal(size=(1, 6, 6, 2)).astype(np.float32)}]
    ours = said("onnxruntime", tmp_path / "model.onnx", feeds)
    theirs = said("reference", tmp_path / f"model.{form}", feeds)
    np.testing.assert_allclose(ours[0]["scores"], theirs[0]["scores"], atol=1e-5)
