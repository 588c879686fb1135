"""ONNX models as TFLite: the same numbers, names and layouts, and the same bytes each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgebuild.errors import Refused
from edgebuild.models.convert.import_onnx import import_onnx
from edgebuild.models.convert.onnx_to_tflite import onnx_to_tflite
from edgebuild.models.inspect.step import inspect_model
from edgebuild.models.tidy.simplify import simplify
from tests.models.conftest import furthest, onnx_model, said
from tests.models.zoo import ZooModel

CLOSE = {"ppocr": 1e-5, "basic-pitch": 1e-5}
"""Float32 kernels that add in another order; seen 2e-6 in deep models, 5e-7 in small ones."""


def prepared(model: ZooModel, folder: Path) -> Path:
    """The checked and simplified model."""
    import_onnx(model.files["onnx-file"], folder / "checked.onnx")
    simplify(folder / "checked.onnx", folder / "model.onnx", model.shapes, model.dims)
    return folder / "model.onnx"


@pytest.mark.parametrize(
    "name",
    ["cnn", "basic-pitch", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mlp", "unet", "bert", "ppocr"))],
)
def test_tflite_says_what_onnx_says(
    name: str, animals: Callable[[str], ZooModel], onnx2tf: Path, tmp_path: Path
) -> None:
    model = animals(name)
    source = prepared(model, tmp_path)
    onnx_to_tflite(source, tmp_path / "model.tflite", onnx2tf)
    one, other = inspect_model(source, "onnx", {}), inspect_model(tmp_path / "model.tflite", "tflite", {})
    assert [(item.name, item.dtype) for item in one.outputs] == [(item.name, item.dtype) for item in other.outputs]
    assert one.inputs == other.inputs
    found = [
        said(session, file, model.feeds)
        for session, file in (("onnxruntime", source), ("litert", tmp_path / "model.tflite"))
    ]
    assert furthest(*found) < CLOSE.get(name, 2e-6)


@pytest.mark.slow
def test_two_conversions_write_the_same_bytes(
    animals: Callable[[str], ZooModel], onnx2tf: Path, tmp_path: Path
) -> None:
    source = prepared(animals("unet"), tmp_path)
    for name in ("one", "two"):
        onnx_to_tflite(source, tmp_path / name, onnx2tf)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_recurrent_layer_forgets_between_two_runs(
    animals: Callable[[str], ZooModel], onnx2tf: Path, tmp_path: Path
) -> None:
    model = animals("lstm")
    source = prepared(model, tmp_path)
    onnx_to_tflite(source, tmp_path / "model.tflite", onnx2tf)
    twice = [model.feeds[0], model.feeds[1], model.feeds[0]]
    found = said("litert", tmp_path / "model.tflite", twice)
    np.testing.assert_array_equal(found[0]["y"], found[2]["y"])
    assert furthest(found, said("onnxruntime", source, twice)) < 2e-6


@pytest.mark.slow
def test_nothing_is_left_where_it_was_called(onnx2tf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    onnx_to_tflite(onnx_model(tmp_path / "100% größe.onnx"), tmp_path / "model.tflite", onnx2tf)
    assert not list((tmp_path / "here").iterdir())


def test_an_open_axis_is_refused_with_what_to_write(onnx2tf: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="open axes: x") as caught:
        onnx_to_tflite(onnx_model(tmp_path / "m.onnx", batch="batch"), tmp_path / "model.tflite", onnx2tf)
    assert caught.value.kind == "not applicable"
    assert "`model.shapes`" in caught.value.fix


def test_an_operator_that_onnx2tf_lacks_is_refused_in_its_words(onnx2tf: Path, tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("BiasGelu", ["x", "x"], ["y"], domain="com.microsoft")], "g", [x], [y])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "m.onnx")
    with pytest.raises(Refused, match=r"onnx2tf: .*BiasGelu") as caught:
        onnx_to_tflite(tmp_path / "m.onnx", tmp_path / "model.tflite", onnx2tf)
    assert caught.value.kind == "rejected"
