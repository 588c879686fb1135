"""What an ONNX file must be before anything is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgebuild.data.sources import ReadSource, digest_path
from edgebuild.errors import DataError, Refused
from edgebuild.models.convert.import_onnx import import_onnx
from edgebuild.models.inspect.external import external_files
from edgebuild.models.inspect.step import inspect_model
from edgebuild.models.tidy.simplify import simplify, store_constants
from tests.conftest import Bench
from tests.models.conftest import onnx_model


def with_external(folder: Path, location: str) -> Path:
    """The small model with its weights in a file of that name."""
    file = onnx_model(folder / "m.onnx")
    model = onnx.load(file)
    (folder / "weights").mkdir(exist_ok=True)
    tensor = model.graph.initializer[0]
    content = tensor.raw_data
    (folder / "weights" / "w.bin").write_bytes(content)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(len(content)))):
        tensor.external_data.add(key=key, value=value)
    file.write_bytes(model.SerializeToString())
    return file


def test_a_sound_file_is_taken_with_inferred_shapes(tmp_path: Path) -> None:
    import_onnx(onnx_model(tmp_path / "m.onnx"), tmp_path / "out.onnx")
    model = onnx.load(tmp_path / "out.onnx")
    assert {item.name for item in model.graph.value_info} == {"same", "c"}


def test_exporters_decorations_leave_the_names(tmp_path: Path) -> None:
    import_onnx(onnx_model(tmp_path / "m.onnx", inputs="serving_default_x:0"), tmp_path / "out.onnx")
    assert [item.name for item in inspect_model(tmp_path / "out.onnx", "onnx", {}).inputs] == ["x"]


def test_an_old_opset_is_raised(tmp_path: Path) -> None:
    import_onnx(onnx_model(tmp_path / "m.onnx", opset=11), tmp_path / "out.onnx")
    assert inspect_model(tmp_path / "out.onnx", "onnx", {}).opset == 13


def test_external_weights_are_found_without_onnx_and_brought_in(tmp_path: Path) -> None:
    file = with_external(tmp_path, "weights/w.bin")
    beside = external_files(file)
    assert beside == ("weights/w.bin",)
    step = ReadSource(path=str(file), digest=digest_path(file, beside), name="model", beside=beside)
    folder = Bench(tmp_path / "bench").run(step)
    import_onnx(folder, tmp_path / "out.onnx")
    model = onnx.load(tmp_path / "out.onnx", load_external_data=False)
    assert numpy_helper.to_array(model.graph.initializer[0]).shape == (4, 3, 3, 3)


def test_changed_external_weights_change_the_digest(tmp_path: Path) -> None:
    file = with_external(tmp_path, "weights/w.bin")
    before = digest_path(file, external_files(file))
    (tmp_path / "weights" / "w.bin").write_bytes(bytes(4 * 3 * 9 * 4))
    assert digest_path(file, external_files(file)) != before


@pytest.mark.parametrize("location", ["../w.bin", "/etc/hostname", "weights/../../w.bin"])
def test_weights_outside_the_models_folder_are_refused(location: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(432))
    file = with_external(tmp_path / "in", location)
    with pytest.raises(Refused, match="outside the model's folder"):
        import_onnx(file, tmp_path / "out.onnx")
    with pytest.raises(DataError, match="outside its folder"):
        digest_path(file, external_files(file))


def test_missing_weights_are_named(tmp_path: Path) -> None:
    file = with_external(tmp_path, "weights/gone.bin")
    with pytest.raises(DataError, match=r"gone\.bin"):
        digest_path(file, external_files(file))


def test_a_file_that_is_no_onnx_has_no_external_files_and_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(b"\xff" * 100)
    assert external_files(file) == ()
    with pytest.raises(Refused, match="the ONNX import"):
        import_onnx(file, tmp_path / "out.onnx")


def test_foreign_operators_are_refused_by_name(tmp_path: Path) -> None:
    file = onnx_model(tmp_path / "m.onnx")
    model = onnx.load(file)
    model.graph.node.append(helper.make_node("Spell", ["y"], ["z"], domain="wizard"))
    model.opset_import.append(helper.make_opsetid("wizard", 1))
    onnx.save(model, file)
    with pytest.raises(Refused, match="wizard::Spell"):
        import_onnx(file, tmp_path / "out.onnx")


def test_shapes_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    file = onnx_model(tmp_path / "m.onnx")
    model = onnx.load(file)
    model.graph.output[0].type.tensor_type.shape.dim[3].dim_value = 7
    onnx.save(model, file)
    with pytest.raises(Refused, match="the ONNX import"):
        import_onnx(file, tmp_path / "out.onnx")


def test_simplifying_fixes_named_axes_and_drops_what_does_nothing(tmp_path: Path) -> None:
    import_onnx(onnx_model(tmp_path / "m.onnx", batch="views"), tmp_path / "c.onnx")
    simplify(tmp_path / "c.onnx", tmp_path / "s.onnx", {"views": 2}, {})
    facts = inspect_model(tmp_path / "s.onnx", "onnx", {})
    assert facts.inputs[0].shape == (2, 3, 8, 8)
    assert "Identity" not in facts.ops


def test_simplifying_keeps_the_numbers(tmp_path: Path) -> None:
    import onnxruntime as ort

    import_onnx(onnx_model(tmp_path / "m.onnx"), tmp_path / "c.onnx")
    simplify(tmp_path / "c.onnx", tmp_path / "s.onnx", {"batch": 1}, {})
    x = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)
    found = [ort.InferenceSession(str(tmp_path / name)).run(None, {"x": x})[0] for name in ("m.onnx", "s.onnx")]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_constants_become_stored_tensors_but_for_an_answer() -> None:
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["":17]>
    g (float[1,4] x) => (float[1,2] y, float[2] c) {
     w = Constant <value = float[4,2] {1,2,3,4,5,6,7,8}> ()
     two = Constant <value_float = 2.0> ()
     c = Constant <value = float[2] {1,2}> ()
     m = MatMul (x, w)
     y = Mul (m, two)
    }""")
    store_constants(model)
    onnx.checker.check_model(model)
    assert [item.name for item in model.graph.initializer] == ["w"]
    assert numpy_helper.to_array(model.graph.initializer[0]).tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert [node.output[0] for node in model.graph.node] == ["two", "c", "m", "y"]


def test_macs_are_counted_by_hand(tmp_path: Path) -> None:
    facts = inspect_model(onnx_model(tmp_path / "m.onnx"), "onnx-file", {})
    assert facts.macs == 6 * 6 * 4 * 3 * 3 * 3
    assert facts.parameters == 4 * 3 * 3 * 3


def test_a_graph_out_of_order_is_put_in_order(tmp_path: Path) -> None:
    model = onnx.load(onnx_model(tmp_path / "100% größe.onnx"))
    turned = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(turned)
    onnx.save(model, tmp_path / "turned.onnx")
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(model)
    import_onnx(tmp_path / "turned.onnx", tmp_path / "sorted.onnx")
    assert [node.op_type for node in onnx.load(tmp_path / "sorted.onnx").graph.node] == ["Identity", "Conv", "Relu"]


@pytest.mark.parametrize("opset", [9, 11, onnx.defs.onnx_opset_version() - 1])
def test_old_and_new_opsets_say_the_same(opset: int, tmp_path: Path) -> None:
    import onnxruntime as ort

    import_onnx(onnx_model(tmp_path / "m.onnx", opset=opset), tmp_path / "imported.onnx")
    import_onnx(onnx_model(tmp_path / "plain.onnx"), tmp_path / "other.onnx")
    x = {"x": np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)}
    found = [ort.InferenceSession(str(tmp_path / name)).run(None, x)[0] for name in ("imported.onnx", "other.onnx")]
    np.testing.assert_array_equal(*found)
