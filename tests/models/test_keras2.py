"""Files that Keras 2 saved (`files/keras2.py` makes them), held to what it predicted."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgebuild.errors import Refused
from edgebuild.models.convert.h5_to_keras import h5_to_keras
from edgebuild.models.convert.tensorflow_to_onnx import tensorflow_to_onnx
from edgebuild.models.convert.tensorflow_to_tflite import tensorflow_to_tflite
from edgebuild.models.inspect.step import inspect_model
from tests.models.conftest import said

FILES = Path(__file__).parent / "files"
SHAPES = {"batch": 1}
CLOSE = 1e-6
"""Probabilities; seen 5e-8."""


def far_from_keras_2(session: str, file: Path) -> float:
    """Largest difference to what Keras 2 predicted, and that one's images are not all alike."""
    with np.load(FILES / "keras2.npz") as archive:
        images, probs = archive["image"], archive["probs"]
    assert np.ptp(probs, axis=0).max() > 0.01
    found = np.concatenate([item["probs"] for item in said(session, file, [{"image": one[None]} for one in images])])
    return float(np.abs(found - probs).max())


def test_an_h5_file_of_keras_2_runs_as_it_is() -> None:
    assert far_from_keras_2("reference", FILES / "keras2.h5") < CLOSE


def test_an_h5_file_of_keras_2_becomes_onnx(tmp_path: Path) -> None:
    tensorflow_to_onnx(FILES / "keras2.h5", "h5", tmp_path / "m.onnx", SHAPES, {})
    assert far_from_keras_2("onnxruntime", tmp_path / "m.onnx") < CLOSE


def test_an_h5_file_of_keras_2_becomes_tflite(tmp_path: Path) -> None:
    tensorflow_to_tflite(FILES / "keras2.h5", "h5", tmp_path / "m.tflite", SHAPES, {})
    assert far_from_keras_2("litert", tmp_path / "m.tflite") < CLOSE


def test_an_h5_file_of_keras_2_becomes_a_keras_file_that_keras_reads_alone(tmp_path: Path) -> None:
    h5_to_keras(FILES / "keras2.h5", tmp_path / "m.keras")
    assert far_from_keras_2("reference", tmp_path / "m.keras") < CLOSE
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = archive.read("config.json")
    assert b"DepthwiseConv2D" in config and b"edgebuild" not in config


def test_a_keras_file_of_keras_2_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"keras2.keras was saved by Keras 2\.21\.0, whose `.keras` files") as caught:
        inspect_model(FILES / "keras2.keras", "keras", {})
    assert caught.value.by == "keras"
    assert "`model.h5`" in caught.value.fix
    assert "`model.export(folder)`" in caught.value.fix
    with pytest.raises(Refused, match=r"was saved by Keras 2\.21\.0"):
        tensorflow_to_tflite(FILES / "keras2.keras", "keras", tmp_path / "m.tflite", SHAPES, {})
