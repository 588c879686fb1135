"""Sources that somebody quantized already: what is stored small stays small, and says the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx

from edgebuild.models.convert.import_onnx import import_onnx
from edgebuild.models.convert.tflite_to_onnx import tflite_to_onnx
from edgebuild.models.tidy.simplify import simplify
from tests.models.conftest import furthest, said
from tests.models.zoo import ZooModel


def test_an_integer_tflite_becomes_qdq_and_keeps_its_integers(
    animals: Callable[[str], ZooModel], tmp_path: Path
) -> None:
    model = animals("int8-tflite")
    tflite_to_onnx(model.files["tflite"], tmp_path / "checked.onnx")
    simplify(tmp_path / "checked.onnx", tmp_path / "model.onnx", {"batch": 1}, {})
    graph = onnx.load(tmp_path / "model.onnx").graph
    kinds = {node.op_type for node in graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    weights = [item for item in graph.initializer if len(item.dims) == 4]
    assert weights and all(item.data_type == onnx.TensorProto.INT8 for item in weights)
    found = said("onnxruntime", tmp_path / "model.onnx", model.feeds)
    # The softmax of a quantized model has steps of 1/256; kernels may round one of them otherwise.
    assert furthest(found, said("litert", model.files["tflite"], model.feeds)) <= 1 / 256


def test_integer_weights_that_are_cast_are_not_unfolded(animals: Callable[[str], ZooModel], tmp_path: Path) -> None:
    model = animals("minilm-int8")
    import_onnx(model.files["onnx-file"], tmp_path / "checked.onnx")
    simplify(tmp_path / "checked.onnx", tmp_path / "model.onnx", model.shapes, model.dims)
    sizes = [path.stat().st_size for path in (model.files["onnx-file"], tmp_path / "model.onnx")]
    assert sizes[1] < 1.1 * sizes[0]
    found = [said("onnxruntime", path, model.feeds) for path in (model.files["onnx-file"], tmp_path / "model.onnx")]
    assert furthest(*found) < 1e-5
