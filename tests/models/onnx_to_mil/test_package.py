"""The package: names, types, systems, precision, open axes, pictures, labels, and the same bytes every time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgebuild.errors import Refused
from edgebuild.models.convert.onnx_to_coreml import ImageInput, OnnxToCoreml, onnx_to_coreml
from edgebuild.runtimes.coreml import session
from edgebuild.runtimes.coreml.library import ct
from tests.models.onnx_to_mil.cases import check, coreml, model_of, normal, onnxruntime

SYSTEMS = ["iOS15", "iOS16", "iOS17", "iOS18", "iOS26", "macOS14"]


def convnet(batch: int | str = 1) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Like a ResNet: convolutions, a sum, a pool, a dense layer, softmax."""
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="/stem/Conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], name="/stem/Relu"),
        helper.make_node("Conv", ["r", "v"], ["d"], name="/block/Conv", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["d", "r"], ["s"], name="/block/Add"),
        helper.make_node("GlobalAveragePool", ["s"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "m", "n"], ["z"], transB=1),
        helper.make_node("Softmax", ["z"], ["y:0"]),
    ]
    held = {"w": normal(8, 3, 3, 3), "b": normal(8), "v": normal(8, 8, 3, 3), "m": normal(4, 8) / 100, "n": normal(4)}
    feed = {"x": normal(1 if isinstance(batch, str) else batch, 3, 8, 8)}
    return model_of(nodes, feed, held, ["y:0"], shapes={"x": [batch, 3, 8, 8]}), feed


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system(system: str) -> None:
    check(*convnet(), minimum_os=system)


def test_float16_stays_near() -> None:
    model, feed = convnet()
    want, got = onnxruntime(model, feed)["y:0"], coreml(model, feed, precision="float16", minimum_os="iOS16")["y:0"]
    # Half floats of 11 bits through five layers: measured 1e-3, bound with room.
    np.testing.assert_allclose(got, want, atol=1e-2)
    assert not np.array_equal(got, want)


def test_operations_are_called_after_their_nodes_and_may_stay_in_float32(tmp_path: Path) -> None:
    model, feed = convnet()
    names = ["stem_Conv", "stem_Relu", "block_Conv", "block_Add"]
    options: dict[str, Any] = {"precision": "float16", "minimum_os": "iOS17", "keep_float32": names[:2]}
    np.testing.assert_allclose(coreml(model, feed, **options)["y:0"], onnxruntime(model, feed)["y:0"], atol=1e-2)
    onnx.save(model, tmp_path / "m.onnx")
    onnx_to_coreml(tmp_path / "m.onnx", tmp_path / "m.mlpackage", **options)
    main = ct.utils.load_spec(str(tmp_path / "m.mlpackage")).mlProgram.functions["main"]
    operations = main.block_specializations[main.opset].operations
    held = {op.attributes["name"].immediateValue.tensor.strings.values[0]: op.outputs[0].type for op in operations}
    # coremltools marks what it made float16 in the name. Of MIL's DataType: 10 is FLOAT16, 11 is FLOAT32.
    assert [held[name].tensorType.dataType for name in names[:2]] == [11, 11]
    assert [held[f"{name}_cast_fp16"].tensorType.dataType for name in names[2:]] == [10, 10]


def test_an_open_batch() -> None:
    model, _ = convnet("batch")
    for rows in (1, 5):
        feed = {"x": normal(rows, 3, 8, 8)}
        got = coreml(model, feed, ranges={"batch": (1, 8)}, minimum_os="iOS17")["y:0"]
        np.testing.assert_allclose(got, onnxruntime(model, feed)["y:0"], atol=1e-5)


def test_half_floats_at_the_interface_need_ios_16() -> None:
    model, feed = convnet()
    with pytest.raises(Refused, match="iOS 16 on") as caught:
        coreml(model, feed, float16_io=True, minimum_os="iOS15")
    assert caught.value.kind == "not applicable"
    got = coreml(model, feed, float16_io=True, precision="float16", minimum_os="iOS16")["y:0"]
    np.testing.assert_allclose(got, onnxruntime(model, feed)["y:0"], atol=1e-2)


def test_pictures_are_scaled_and_shifted_and_classes_have_labels() -> None:
    model, _ = convnet()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, 8, 8)).astype(np.float32)
    image = ImageInput(scale=1 / 64, bias=(-1.0, -2.0, -3.0))
    # A session takes what the model takes, and finds the pixels.
    shifted = pixels / 64 + np.array([-1, -2, -3], np.float32).reshape(1, 3, 1, 1)
    found = coreml(model, {"x": shifted}, images={"x": image}, labels=["a", "b", "c", "d"], minimum_os="iOS17")
    want = onnxruntime(model, {"x": shifted})["y:0"]
    np.testing.assert_allclose(found["y:0"], want, atol=1e-5)


def test_names_and_types_come_back() -> None:
    nodes = [
        helper.make_node("Identity", ["state"], ["a/0"]),
        helper.make_node("Cast", ["ids"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["state", "f"], ["a:0"]),
        helper.make_node("Greater", ["a:0", "state"], ["é"]),
    ]
    feed = {"state": normal(3), "ids": np.array([1, -2, 3])}
    check(model_of(nodes, feed, {}, ["a/0", "a:0", "é"], types={"é": TensorProto.BOOL}), feed)


def test_unsorted_nodes_and_weights_in_constants() -> None:
    held = helper.make_node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(normal(3, 2)))
    nodes = [helper.make_node("Relu", ["m"], ["y"]), helper.make_node("MatMul", ["x", "w"], ["m"]), held]
    feed = {"x": normal(4, 3)}
    model = model_of(nodes[::-1], feed, {}, ["y"])
    want = onnxruntime(model, feed)["y"]
    model.graph.node.reverse()
    np.testing.assert_allclose(coreml(model, feed)["y"], want, atol=1e-6)


def test_pixel_shuffle_through_six_dimensions() -> None:
    nodes = [
        helper.make_node("Reshape", ["x", "a"], ["p"]),
        helper.make_node("Transpose", ["p"], ["q"], perm=[0, 1, 4, 2, 5, 3]),
        helper.make_node("Reshape", ["q", "b"], ["y"]),
    ]
    feed = {"x": normal(2, 8, 3, 3)}
    held = {"a": np.array([2, 2, 2, 2, 3, 3]), "b": np.array([2, 2, 6, 6])}
    check(model_of(nodes, feed, held, ["y"]), feed)


@pytest.mark.parametrize("condition", [True, False])
def test_a_branch_with_a_constant_condition(condition: bool) -> None:
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(op, ["x"], ["out"])], name, [], [helper.make_tensor_value_info("out", 1, None)]
        )
        for name, op in (("then", "Relu"), ("else", "Neg"))
    }
    nodes = [helper.make_node("If", ["c"], ["y"], **branches)]
    feed = {"x": normal(4)}
    check(model_of(nodes, feed, {"c": np.array(condition)}, ["y"]), feed)


BYTES = """
import sys, hashlib, pathlib
from edgebuild.models.convert.onnx_to_coreml import onnx_to_coreml
out = pathlib.Path(sys.argv[2])
onnx_to_coreml(pathlib.Path(sys.argv[1]), out, minimum_os="iOS17", precision="float16")
for file in sorted(out.rglob("*")):
    if file.is_file():
        print(file.relative_to(out), hashlib.sha256(file.read_bytes()).hexdigest())
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    onnx.save(convnet()[0], tmp_path / "m.onnx")
    found = [
        subprocess.run(
            [sys.executable, "-c", BYTES, str(tmp_path / "m.onnx"), str(tmp_path / f"{seed}.mlpackage")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert "weight.bin" in found[0]
    assert found[0] == found[1]


def test_the_step_writes_the_package(tmp_path: Path) -> None:
    from edgebuild.core.wires import Artifact

    step = OnnxToCoreml(model=Artifact(id="m", filename="model.onnx"), format="onnx", minimum_os="iOS16")
    assert step.out().filename == "model.mlpackage"
    model, feed = convnet()
    onnx.save(model, tmp_path / "m.onnx")
    onnx_to_coreml(tmp_path / "m.onnx", tmp_path / "m.mlpackage", minimum_os=step.minimum_os)
    got = session.open(str(tmp_path / "m.mlpackage"), {}).run(feed)["y:0"]
    np.testing.assert_allclose(got, onnxruntime(model, feed)["y:0"], atol=1e-5)
