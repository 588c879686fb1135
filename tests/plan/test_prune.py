"""`prune:` of a candidate: what it becomes for each source and runtime."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebuild import spec
from edgebuild.compress.prune.stage import Prune
from edgebuild.plan.eject import eject
from edgebuild.plan.lower import lower
from edgebuild.spec import Spec

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
Kinds = Callable[[str, str], list[str]]


@pytest.fixture
def kinds(tmp_path: Path) -> Kinds:
    """Kinds of the steps of a candidate of the digits, in order; or why there is none."""
    folder = tmp_path / "digits"
    shutil.copytree(DIGITS, folder, ignore=shutil.ignore_patterns("build", "*.lock", "report"))
    for name in ("own.onnx", "own.h5"):
        (folder / name).write_bytes(b"not read before a build")
    text = (folder / "deployment.edge.yaml").read_text()
    head, _, rest = text.partition("candidates:\n")

    def found(candidate: str, target: str) -> list[str]:
        tail = rest[rest.index("budgets:") :]
        file = folder / "deployment.edge.yaml"
        file.write_text(f"{head}candidates:\n  slim: {candidate}\ntargets:\n  t: {target}\n\n{tail}")
        loaded: Spec = spec.load(file)
        plan = lower([loaded], candidates=("slim",))
        (entrant,) = [item for item in plan.specs[0].targets[0].candidates if item.name == "slim"]
        if entrant.refusal:
            return [entrant.refusal.why]
        graph, todo, names = plan.graph, [entrant.made.id], list[str]()
        while todo:
            step = todo.pop(0)
            names.append(graph.nodes[step].kind.rpartition(":")[2])
            todo += graph.needs(step)
        return [*dict.fromkeys(reversed(names))]

    return found


def test_channels_are_left_out_of_the_keras_model_before_any_conversion(kinds: Kinds) -> None:
    for target, convert in (("onnxruntime", "TensorflowToOnnx"), ("litert", "TensorflowToTflite")):
        found = kinds("{prune: {keep: 0.5}}", f"{{device: here, runtime: {target}}}")
        order = ["AdmitSource", "PlanPruning", "CutChannels", convert]
        assert [name for name in found if name in order] == order


def test_sensitivity_is_measured_on_the_calibration_samples(kinds: Kinds) -> None:
    found = kinds("{prune: {keep: 0.5, widths: sensitivity}}", "{device: here, runtime: onnxruntime}")
    assert found.index("CheckData") < found.index("MeasurePruningSensitivity") < found.index("PlanPruning")


def test_an_older_keras_file_is_saved_anew_first(kinds: Kinds) -> None:
    found = kinds("{source: own.h5, prune: {keep: 0.5}}", "{device: here, runtime: litert}")
    assert found.index("H5ToKeras") < found.index("CutChannels") < found.index("TensorflowToTflite")


@pytest.mark.parametrize("runtime", ["onnxruntime", "litert"])
def test_an_onnx_model_gets_weights_that_make_up_for_it(runtime: str, kinds: Kinds) -> None:
    found = kinds("{source: own.onnx, prune: {keep: 0.75}}", f"{{device: here, runtime: {runtime}}}")
    assert found.index("PlanOnnxPruning") < found.index("CutOnnxChannels") < found.index("RepairOnnx")
    assert ("OnnxToTflite" in found) == (runtime == "litert")
    assert "CutChannels" not in found


def test_stages_after_it_work_on_the_narrower_model(kinds: Kinds) -> None:
    found = kinds("{steps: [{prune: {keep: 0.75}}, {quantize: int8}]}", "{device: here, runtime: onnxruntime}")
    assert found.index("CutChannels") < found.index("CalibrateRanges") < found.index("QuantizeStatic")


def test_two_of_four_is_for_tensorrt_and_single_weights_for_core_ml(kinds: Kinds) -> None:
    four, single = '{prune: {pattern: "2:4"}}', "{prune: {keep: 0.5, pattern: unstructured}}"
    assert "PruneTwoOfFour" in kinds(four, "{device: here, runtime: tensorrt}")
    assert "CompressCoremlWeights" in kinds(single, "{device: here, runtime: coreml}")
    assert "two of each four" in kinds(single, "{device: here, runtime: tensorrt}")[0]
    assert "no kernels" in kinds(four, "{device: here, runtime: coreml}")[0]
    for target in ("onnxruntime", "litert"):
        assert "gain nothing" in kinds(four, f"{{device: here, runtime: {target}}}")[0]


@pytest.mark.parametrize("source", ["", "source: own.onnx, "])
def test_it_can_be_ejected(source: str, kinds: Kinds, tmp_path: Path) -> None:
    kinds(f"{{{source}prune: {{keep: 0.5, widths: sensitivity}}}}", "{device: here, runtime: onnxruntime}")
    plan = lower([spec.load(tmp_path / "digits" / "deployment.edge.yaml")], candidates=("slim",))
    (made,) = [item.made for item in plan.specs[0].targets[0].candidates if item.name == "slim"]
    script = eject(plan.graph, made, "slim")
    compile(script.text, "script", "exec")
    calls = script.text[script.text.index("Path('made').mkdir") :]
    assert "progress=None" in calls and "work." not in calls
    assert "networkx==" in script.text.partition("from __future__")[0]


def test_words_say_what_is_left_out() -> None:
    assert Prune(keep=0.75).describe() == "leave out 25 % of the channels, in multiples of 8"
    assert Prune(pattern="2:4").describe() == "leave out two of each four weights"
    assert Prune(keep=0.5, pattern="unstructured").describe() == "prune 50 % of the weights"
