"""Kinds of sources, data, metrics and devices on the small project, end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.cli.conftest import Project, write_model


@pytest.fixture
def project(elsewhere: Project) -> Project:
    """Without measurements: sources, data and metrics are the same for every device."""
    return elsewhere


def dossier(project: Project, target: str = "pc") -> dict[str, object]:
    found: dict[str, object] = json.loads((project.package.parent / "dossiers" / f"{target}.json").read_text())
    return found


def candidate(project: Project, name: str, target: str = "pc") -> dict[str, object]:
    return next(item for item in dossier(project, target)["candidates"] if item["name"] == name)


def measured(project: Project, name: str, quantity: str, split: str = "report") -> dict[str, object]:
    found = candidate(project, name)["measurements"]
    return next(item for item in found if item["quantity"] == quantity and item["split"] in ("", split))


def test_a_model_of_the_users_own_is_a_candidate(project: Project) -> None:
    write_model(project.folder / "mine.onnx", seed=3)
    project.replace(
        "defaults: true", "defaults: false\n  mine: {source: mine.onnx}\n  small: {source: mine.onnx, quantize: int8}"
    )
    done = project.build()
    assert done.code == 0, done.out + done.err
    assert candidate(project, "mine")["digest"] not in ("", candidate(project, "source")["digest"])
    assert "your own mine.onnx" in candidate(project, "mine")["recipe"]


def test_a_model_of_another_interface_is_refused_by_name_and_the_rest_goes_on(project: Project) -> None:
    write_model(project.folder / "mine.onnx", seed=3)
    model = onnx.load(project.folder / "mine.onnx")
    model.graph.output[0].name = "z"
    model.graph.node[-1].output[0] = "z"
    onnx.save(model, project.folder / "mine.onnx")
    project.replace("defaults: true", "defaults: true\n  mine: {source: mine.onnx}")
    done = project.build()
    assert done.code == 0, done.out + done.err
    assert "no output `y`" in candidate(project, "mine")["refusal"]["why"]
    assert candidate(project, "int8")["refusal"] is None


def test_weights_beside_the_model_count(project: Project) -> None:
    model = onnx.load(project.folder / "tiny.onnx")
    tensor = model.graph.initializer[0]
    (project.folder / "w.bin").write_bytes(tensor.raw_data)
    length = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", "0"), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    (project.folder / "tiny.onnx").write_bytes(model.SerializeToString())
    before = candidate(project, "float16")["digest"]
    done = project.build()
    assert done.code == 0, done.out + done.err
    assert candidate(project, "float16")["digest"] == before, "the same weights, wherever they lie"
    (project.folder / "w.bin").write_bytes(bytes(length))
    assert project.build().code == 2, "a model of zeros is at chance"


def test_an_archive_is_data(project: Project) -> None:
    project.replace("source: data.py:samples\n  inputs: [samples.npz]", "source: samples.npz")
    done = project.build()
    assert done.code == 0, done.out + done.err


def test_a_folder_of_images_per_class_is_data(project: Project) -> None:
    from PIL import Image

    random = np.random.default_rng(0)
    for label in range(4):
        (project.folder / "images" / f"c{label}").mkdir(parents=True)
        for number in range(60):
            pixels = random.integers(0, 255, size=(8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(project.folder / "images" / f"c{label}" / f"{number}.png")
    project.replace("source: data.py:samples\n  inputs: [samples.npz]", "source: images")
    project.replace(
        "\ndata:",
        "\ninterface:\n  inputs: {x: {kind: image, color: rgb, size: [8, 8], scale: 1/127.5, mean: 1}}\n\ndata:",
    )
    project.replace("  accuracy: {metric: top1}\n", "")
    project.replace("accuracy.drop: 20 pp", "agreement: 50 %")
    done = project.build()
    assert done.code == 0, done.out + done.err
    assert (dossier(project)["interface"])["inputs"]["x"]["size"] == [8, 8]


OWN_METRIC = """\
def share(outputs, labels, reference):
    assert reference["y"].shape == outputs["y"].shape
    return 100.0 * (outputs["y"].argmax(axis=1) == labels).mean()
"""


def test_a_slice_and_a_function_of_the_users_are_metrics(project: Project) -> None:
    project.replace('"id": f"s{number}"', '"id": f"s{number}", "tags": {"even": number % 2 == 0}', "data.py")
    (project.folder / "metrics.py").write_text(OWN_METRIC)
    project.replace(
        "  accuracy: {metric: top1}",
        "  accuracy: {metric: top1}\n  even: {metric: top1, where: {even: true}}\n"
        '  own: {function: metrics.py:share, better: higher, unit: "%"}',
    )
    done = project.build()
    assert done.code == 0, done.out + done.err
    accuracy, even, own = (measured(project, "int8", name) for name in ("accuracy", "even", "own"))
    assert own["value"] == pytest.approx(accuracy["value"])
    assert even["samples"] < accuracy["samples"]


def test_committed_measurements_stand_for_a_device_that_is_not_here(project: Project) -> None:
    project.replace("size: 2x", "size: 2x, latency.p50: 5 ms")
    assert project.build().code == 1
    record = {
        "device": "raspberry-pi-5",
        "runtime": {"onnxruntime": "1.32.0"},
        "protocol": "onnxruntime_perf_test, 1 thread, 1000 runs",
        "raw": f"sha256:{'1' * 64}",
        "date": "2026-11-01",
        "samples": 1000,
        "values": {"latency.p50": {"value": 1.5, "low": 1.4, "high": 1.6}},
    }
    digests = [item["digest"] for item in dossier(project)["candidates"]]
    (project.folder / "measurements").mkdir()
    rows = [{"artifact": digest, **record} for digest in digests]
    (project.folder / "measurements" / "pi.json").write_text(json.dumps(rows))
    done = project.build()
    assert done.code == 0, done.out + done.err
    found = measured(project, dossier(project)["choice"], "latency.p50")
    assert (found["evidence"], found["value"]) == ("measured", 1.5)
    assert "2026-11-01" in found["why"]
    project.replace("objective:", "evidence: {max_age: 1 d}\nobjective:")
    assert project.build().code == 1


def test_templates_and_files_of_the_users_own_reach_the_package(project: Project) -> None:
    folder = project.folder / "mine" / "onnxruntime"
    folder.mkdir(parents=True)
    (folder / "README.md.j2").write_text("Ours: {{ dossier.target }}\n")
    (project.folder / "notes.txt").write_text("read me\n")
    project.replace("\ndata:", "\npackage: {templates: mine, files: [notes.txt]}\n\ndata:")
    assert project.build().code == 0
    assert (project.package / "README.md").read_text() == "Ours: pc\n"
    assert (project.package / "notes.txt").read_text() == "read me\n"
    assert project.edgebuild("verify", str(project.package), store=False).code == 0
    (folder / "README.md.j2").write_text("Ours: {{ dossier.tarjet }}\n")
    done = project.build()
    assert done.code == 2
    assert "README.md.j2:1" in done.err
    assert "tarjet" in done.err


def test_a_matrix_over_a_base_is_one_target_for_each(project: Project) -> None:
    base = project.spec.read_text().replace("  pc: {device: raspberry-pi-5, runtime: onnxruntime}", "  pc: null")
    (project.folder / "base.yaml").write_text(base.replace("targets:\n  pc: null\n", ""))
    project.spec.write_text(
        "extends: base.yaml\n"
        "matrix: {threads: [1, 2]}\n"
        'targets:\n  "pc-${threads}": {device: raspberry-pi-5, runtime: onnxruntime, threads: "${threads}"}\n'
    )
    done = project.build()
    assert done.code == 0, done.out + done.err
    assert "pc-1: PASS" in done.out and "pc-2: PASS" in done.out


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small Keras network in every form a source may have, with balanced classes."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(4)
    folder = tmp_path_factory.mktemp("forms")
    x = keras.Input((8, 8, 3), name="x")
    deep = keras.layers.Conv2D(8, 3, activation="relu", padding="same")(x)
    deep = keras.layers.GlobalAveragePooling2D()(deep)
    deep = keras.layers.LayerNormalization()(deep)
    model = keras.Model(x, keras.layers.Dense(4, name="y", use_bias=False)(deep))
    files = {
        "keras": folder / "m.keras",
        "h5": folder / "m.h5",
        "savedmodel": folder / "m",
        "tflite": folder / "m.tflite",
    }
    model.save(files["keras"])
    model.save(files["h5"])
    model.export(files["savedmodel"], verbose=False)
    files["tflite"].write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(files["savedmodel"])).convert())
    random = np.random.default_rng(5)
    images = (random.normal(size=(280, 8, 8, 3)) + 2 * random.normal(size=(280, 1, 1, 3))).astype(np.float32)
    np.savez(folder / "samples.npz", x=images, label=model.predict(images, verbose=0).argmax(axis=1))
    return {**files, "samples": folder / "samples.npz"}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["keras", "h5", "savedmodel", "tflite"])
def test_every_kind_of_source_reaches_both_runtimes(form: str, trained: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    project = Project(tmp_path / "forms", tmp_path / "store")
    project.folder.mkdir()
    copy = shutil.copytree if trained[form].is_dir() else shutil.copy
    copy(trained[form], project.folder / trained[form].name)
    shutil.copy(trained["samples"], project.folder)
    project.spec.write_text(
        f"edgebuild: 1\nname: forms\nmodel: {{source: {trained[form].name}}}\n"
        "data: {source: samples.npz, splits: {calibrate: 40, select: 100, report: 100}}\n"
        "metrics: {accuracy: {metric: top1}, sqnr: {metric: sqnr}}\n"
        "targets:\n  ort: {device: here, runtime: onnxruntime}\n  litert: {device: here, runtime: litert}\n"
        "budgets: {all: {accuracy.drop: 20 pp, parity: 1e-3}}\n"
        "candidates: {defaults: false, dynamic: {quantize: dynamic}}\n"
    )
    done = project.build()
    assert (project.folder / "build/forms/dossiers/ort.json").is_file(), done.err
    for target in ("ort", "litert"):
        found = json.loads((project.folder / f"build/forms/dossiers/{target}.json").read_text())
        source = next(item for item in found["candidates"] if item["name"] == "source")
        parity = next(item for item in source["measurements"] if item["quantity"] == "parity")
        assert parity["value"] < 1e-4, (form, target)
    assert done.code in (0, 1), done.out + done.err


SEQUENCE = """\
edgebuild: 1
name: tiny
model:
  source: sequence.onnx
  inputs: {x: {dims: [batch, seq, 4], data: steps}}
  shapes: {short: {seq: 16}}
data: {source: samples.npz, splits: {calibrate: 40, select: 60, report: 60}}
metrics: {sqnr: {metric: sqnr}}
candidates: {defaults: false, w8: {quantize: int8}}
targets: {pc: {device: here, runtime: onnxruntime}}
budgets: {all: {sqnr: 10 dB, latency.p50@short: 1 s}}
"""


def test_named_axes_get_the_first_named_shapes_sizes(tmp_path: Path) -> None:
    from onnx import helper, numpy_helper

    project = Project(tmp_path / "sequence", tmp_path / "store")
    project.folder.mkdir()
    random = np.random.default_rng(0)
    weight = numpy_helper.from_array(random.normal(size=(4, 3)).astype(np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "sequence",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, None, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None, 3])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, project.folder / "sequence.onnx")
    np.savez(project.folder / "samples.npz", steps=random.normal(size=(160, 16, 4)).astype(np.float32))
    project.spec.write_text(SEQUENCE)
    done = project.build()
    assert done.code == 0, done.out + done.err
    made = onnx.load(project.package / candidate(project, dossier(project)["choice"])["filename"])
    assert [axis.dim_value for axis in made.graph.input[0].type.tensor_type.shape.dim] == [1, 16, 4]


def test_a_report_template_of_the_users_own_is_the_report(project: Project) -> None:
    (project.folder / "mine" / "report").mkdir(parents=True)
    (project.folder / "mine" / "report" / "report.md.j2").write_text("Ours.\n")
    project.replace("\ndata:", "\npackage: {templates: mine}\n\ndata:")
    assert project.build().code == 0
    assert (project.package.parent / "report" / "report.md").read_text() == "Ours.\n"


def with_rate(file: Path, name: str) -> None:
    """The model with one more input, the whole number `name`; at 16000 it says what it said, else all zeros."""
    model = onnx.load(file)
    graph = model.graph
    for node in graph.node:
        node.input[:] = ["scaled" if item == "x" else item for item in node.input]
    then = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["kept"])],
        "then",
        [],
        [helper.make_tensor_value_info("kept", TensorProto.FLOAT, ["batch", 3, 8, 8])],
    )
    other = helper.make_graph(
        [helper.make_node("Sub", ["x", "x"], ["zeros"])],
        "else",
        [],
        [helper.make_tensor_value_info("zeros", TensorProto.FLOAT, ["batch", 3, 8, 8])],
    )
    added = [
        helper.make_node("Equal", [name, "usual"], ["is_usual"]),
        helper.make_node("If", ["is_usual"], ["scaled"], then_branch=then, else_branch=other),
    ]
    nodes = [*added, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.append(numpy_helper.from_array(np.array(16000, np.int64), "usual"))
    graph.input.append(helper.make_tensor_value_info(name, TensorProto.INT64, []))
    onnx.save(model, file)


def test_a_constant_input_is_folded_away_and_fed_to_the_reference(project: Project) -> None:
    before = measured(project, "source", "accuracy")
    with_rate(project.folder / "tiny.onnx", "sr")
    project.replace("source: tiny.onnx", "source: tiny.onnx\n  inputs: {sr: {constant: 16000}}")
    done = project.build()
    assert done.code == 0, done.out + done.err
    assert [item["name"] for item in dossier(project)["inputs"]] == ["x"]
    shipped = onnx.load(next(project.package.glob("*.onnx")))
    assert [item.name for item in shipped.graph.input] == ["x"]
    assert "If" not in {node.op_type for node in shipped.graph.node}
    # The reference says what it said without the input: at any other rate it would say the same of all samples.
    assert measured(project, "source", "accuracy")["value"] == before["value"]
    assert "sr" not in np.load(project.package / "golden" / "inputs.npz").files
    project.replace("constant: 16000", "constant: 8000")
    assert "accuracy" in project.build().out + project.build().err


@pytest.mark.slow
def test_a_constant_of_no_input_and_one_that_does_not_fit_are_told_with_the_inputs(project: Project) -> None:
    with_rate(project.folder / "tiny.onnx", "sr")
    project.replace("source: tiny.onnx", "source: tiny.onnx\n  inputs: {sr: {constant: 1.5}, rate: {constant: 1}}")
    done = project.build()
    assert done.code not in (0, 70)
    said = done.out + done.err
    assert "model.inputs.rate: the model has no such input" in said
    assert "Its inputs are `x`, `sr`." in said
    assert "model.inputs.sr.constant: the input's type int64 cannot hold 1.5." in said
