"""A target for TensorRT on a machine without a GPU, end to end."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest

from edgebuild.runtimes.tensorrt.here import gpu_here
from tests.cli.conftest import Project
from tests.cli.test_kinds import candidate, dossier, measured, trained  # noqa: F401 - a fixture

pytestmark = pytest.mark.skipif("missing" not in gpu_here(), reason="TensorRT runs here")


@pytest.fixture
def tensorrt(fresh: Project) -> Project:
    fresh.replace("runtime: onnxruntime}", 'runtime: tensorrt, compute_capability: "8.6"}')
    return fresh


def test_a_build_is_simulated_and_a_latency_budget_unproven(tensorrt: Project) -> None:
    done = tensorrt.build()
    assert done.code == 0, done.out + done.err
    assert [item["name"] for item in dossier(tensorrt)["candidates"]] == ["source", "float16", "int8"]
    accuracy = measured(tensorrt, "int8", "accuracy")
    assert accuracy["evidence"] == "simulated" and "no GPU with TensorRT here" in accuracy["why"]
    words = candidate(tensorrt, "int8")["account"]["words"]
    assert "takes all" in words and "Nothing ran on a GPU." in words
    assert tensorrt.build().ran == 0
    tensorrt.replace("size: 2x}", "size: 2x, latency.p50: 1 s}")
    done = tensorrt.build()
    assert done.code == 1, done.out + done.err
    assert "unproven: all.latency.p50" in done.out and "no GPU with TensorRT here" in done.out
    assert measured(tensorrt, "source", "latency.p50")["evidence"] == "unavailable"


def test_what_the_parser_declines_is_refused_and_the_rest_goes_on(tensorrt: Project) -> None:
    model = onnx.load(tensorrt.folder / "tiny.onnx")
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    # Of ONNX Runtime alone: x·sigmoid(αx), near a Relu for a large α.
    relu.op_type, relu.domain, relu.name = "QuickGelu", "com.microsoft", "act"
    relu.attribute.append(onnx.helper.make_attribute("alpha", 30.0))
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, tensorrt.folder / "mine.onnx")
    tensorrt.replace("defaults: true", "defaults: false\n  mine: {source: mine.onnx}")
    done = tensorrt.build()
    assert done.code == 0, done.out + done.err
    refusal = candidate(tensorrt, "mine")["refusal"]
    assert refusal["by"] == "the ONNX parser of TensorRT-RTX"
    assert "com.microsoft.QuickGelu `act`" in refusal["why"]
    assert candidate(tensorrt, "source")["refusal"] is None


def test_a_package_is_verified_on_the_processor(tensorrt: Project) -> None:
    tensorrt.replace("defaults: true", "defaults: false\n  w8: {quantize: int8, required: true}")
    assert tensorrt.build().code == 0
    done = tensorrt.edgebuild("verify", str(tensorrt.package), store=False)
    assert done.code == 0, done.out + done.err
    assert (tensorrt.package / "build_tensorrt10.sh").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["keras", "savedmodel", "tflite"])
def test_models_of_tensorflow_reach_tensorrts_parser(form: str, trained: dict[str, Path], tmp_path: Path) -> None:  # noqa: F811
    project = Project(tmp_path / "tiny", tmp_path / "store")
    project.folder.mkdir()
    copy = shutil.copytree if trained[form].is_dir() else shutil.copy
    copy(trained[form], project.folder / trained[form].name)
    shutil.copy(trained["samples"], project.folder)
    project.spec.write_text(
        f"edgebuild: 1\nname: tiny\nmodel: {{source: {trained[form].name}}}\n"
        "data: {source: samples.npz, splits: {calibrate: 40, select: 100, report: 100}}\n"
        "metrics: {accuracy: {metric: top1}}\ntargets: {pc: {device: here, runtime: tensorrt}}\n"
        "budgets: {all: {accuracy.drop: 20 pp}}\ncandidates: {defaults: true}\n"
    )
    done = project.build()
    assert done.code == 0, done.out + done.err
    for name in ("source", "float16", "int8"):
        assert candidate(project, name)["refusal"] is None, name
        assert "takes all" in candidate(project, name)["account"]["words"]
