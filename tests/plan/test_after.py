"""Candidates that come after another one."""

from __future__ import annotations

from collections.abc import Callable

from edgebuild.compress.command.step import AskTool, RunCommand
from edgebuild.compress.quantize.onnx_static import QuantizeStatic
from edgebuild.plan.lower import lower
from edgebuild.spec import Spec

Load = Callable[..., Spec]
AFTER = 'candidates:\n  small: {after: int8, command: [python3, -c, pass, "{in}"], output: "*.onnx"}\n'


def test_a_command_reads_the_finished_artifact_of_the_candidate_before(load: Load) -> None:
    plan = lower([load(("candidates:\n", AFTER))])
    (run,) = [step for step in plan.graph.steps.values() if isinstance(step, RunCommand)]
    assert isinstance(plan.graph.steps[run.model.id], QuantizeStatic)
    assert [type(plan.graph.steps[wire.id]) for wire in run.versions] == [AskTool]
    candidates = {item.name: item for item in plan.specs[0].targets[0].candidates}
    assert candidates["small"].words.endswith("`python3 -c pass {in}`")
    assert candidates["small"].changes == 2
    assert candidates["small"].recipe != candidates["int8"].recipe


def test_a_runtime_without_the_candidate_before_refuses(load: Load) -> None:
    row = "  pc: {device: here, runtime: onnxruntime}"
    more = f"{row}\n  mcu: {{device: here, runtime: tflite-micro}}"
    after = AFTER.replace("after: int8", "after: float16")
    plan = lower([load(("candidates:\n", after), (row, more))])
    mcu = next(item for item in plan.specs[0].targets if item.name == "mcu")
    refusal = next(item for item in mcu.candidates if item.name == "small").refusal
    assert refusal is not None
    assert refusal.kind == "not applicable"
    assert "`after: float16` names a candidate that this runtime does not have" in refusal.why
