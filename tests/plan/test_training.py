"""Candidates that are trained, as the plan has them: what is shared, what is refused, what a recipe is known by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgebuild import spec as specs
from edgebuild.compress.train.step import TrainModel
from edgebuild.compress.train.students import BuildStudent, NarrowModel
from edgebuild.core.step import Step
from edgebuild.measure.predict import Predict
from edgebuild.plan.eject import eject, refusals
from edgebuild.plan.lower import Plan, lower
from edgebuild.spec import Spec
from tests.compress.train.conftest import network

Load = Callable[..., Spec]

TEXT = """\
edgebuild: 1
name: bright
model: {{source: {source}}}
data: {{source: bright.npz, splits: {{train: 100, calibrate: 40, select: 60, report: 60}}}}
metrics: {{accuracy: {{metric: top1}}}}
train: {{epochs: 4{train}}}
candidates:
  defaults: false
{candidates}
targets:
{targets}
"""
TARGETS = """\
  pi: {device: raspberry-pi-5, runtime: onnxruntime}
  phone: {device: raspberry-pi-5, runtime: litert}"""


@pytest.fixture
def planned(tmp_path: Path) -> Iterator[Callable[..., Plan]]:
    """Plan a project of a Keras network, its ONNX twin by name alone, and a student."""
    network().save(tmp_path / "bright.keras")
    for name in ("bright.onnx", "bright.npz"):
        (tmp_path / name).write_bytes(b"not read before a build")
    (tmp_path / "student.py").write_text("def build(): ...\ndef fit(model, data, context): ...\n")

    def plan(candidates: str, source: str = "bright.keras", train: str = "", targets: str = TARGETS) -> Plan:
        file = tmp_path / "deployment.edge.yaml"
        file.write_text(TEXT.format(source=source, candidates=candidates, train=train, targets=targets))
        return lower([specs.load(file)])

    yield plan


def of(plan: Plan, kind: type[Step]) -> list[Any]:
    return [step for step in plan.graph.steps.values() if isinstance(step, kind)]


def entrant(plan: Plan, name: str) -> Any:
    target = plan.specs[0].targets[0]
    return next(item for item in target.candidates if item.name == name)


def test_one_training_serves_all_targets(planned: Callable[..., Plan]) -> None:
    plan = planned("  a: {train: {}}\n  b: {steps: [train, {quantize: float16}]}")
    (step,) = of(plan, TrainModel)
    assert (step.epochs, step.learning_rate, step.fit, step.judge) == (4, 3e-4, None, None)
    assert entrant(plan, "a").words == "train 4 epochs"


def test_a_stage_says_otherwise(planned: Callable[..., Plan]) -> None:
    plan = planned("  a: {train: {epochs: 7, seeds: [3, 4], from: scratch, keep: best}}", train=", batch: 8")
    (step,) = of(plan, TrainModel)
    assert (step.epochs, step.seeds, step.batch, step.learning_rate) == (7, (3, 4), 8, 1e-3)
    assert step.starts[0] != step.starts[1]
    assert step.judge is not None
    assert step.judge.name == "accuracy"
    assert step.constraints == ()


def test_a_teacher_speaks_once_for_all_its_students(planned: Callable[..., Plan]) -> None:
    plan = planned("  a: {distill: {width: 0.5}}\n  b: {distill: {sweep: {temperature: [2, 4]}}}")
    trainings = of(plan, TrainModel)
    assert len(trainings) == 3
    assert len({step.teaching.predictions for step in trainings}) == 1
    said = [step for step in of(plan, Predict) if step.out() == trainings[0].teaching.predictions]
    assert said[0].call.runtime == "keras"
    (narrow,) = of(plan, NarrowModel)
    assert narrow.width == 0.5


def test_ranges_of_a_training_under_integers_reach_every_runtime(planned: Callable[..., Plan]) -> None:
    qat = "  a: {steps: [{train: {quantize: int8}}, {quantize: int8}]}\n"
    plan = planned(qat + "  b: {steps: [train, {quantize: int8}]}")
    kinds = {type(step).__name__: step for step in plan.graph.steps.values()}
    trained, plain = sorted(of(plan, TrainModel), key=lambda step: step.state is None)
    assert [held.constraint for held in trained.constraints] == ["fakequant", "zeros"]
    assert [held.constraint for held in plain.constraints] == ["zeros"]
    assert type(plan.graph.steps[trained.starts[0].id]).__name__ == "FoldNorms"
    handed = [kinds["HandOnnxRanges"], kinds["HandTfliteRanges"]]
    for step in handed:
        assert step.trained == trained.out()  # type: ignore[attr-defined]
    read = [step.ranges for step in plan.graph.steps.values() if type(step).__name__.startswith("Quantize")]
    assert {step.out() for step in handed} < set(read)
    assert len(read) == 4
    assert entrant(plan, "a").words.endswith("S8 weights per channel, ranges of the training")
    assert "train 4 epochs, as integers will compute; static INT8" in entrant(plan, "a").words


def test_scales_that_were_trained_do_not_vanish_into_another_calibration(planned: Callable[..., Plan]) -> None:
    qat = "  a: {steps: [{train: {quantize: int8}}, {quantize: int8}]}"
    plan = planned(qat, targets="  t: {device: raspberry-pi-5, runtime: tensorrt}")
    (declined,) = refusals(plan.graph, entrant(plan, "a").model)
    assert declined.refusal.kind == "not applicable"
    assert declined.refusal.why.startswith("this target calibrates by itself")


def test_what_is_left_after_pruning_is_trained_or_taught(planned: Callable[..., Plan]) -> None:
    plan = planned("  a: {steps: [{prune: {keep: 0.5}}, train]}\n  b: {steps: [{prune: {keep: 0.5}}, {distill: {}}]}")
    alone, taught = of(plan, TrainModel)
    assert alone.starts == taught.starts
    assert type(plan.graph.steps[alone.starts[0].id]).__name__ == "RepairKeras"
    assert (alone.teaching is None, taught.teaching is None) == (True, False)
    words = "leave out 50 % of the channels, in multiples of 8, the others' weights fitted to the calibration samples"
    words += " where that helps"
    assert entrant(plan, "a").words == f"{words}; train 4 epochs"


def test_the_same_student_without_a_teacher(planned: Callable[..., Plan]) -> None:
    plan = planned("  a: {distill: {width: 0.5}}\n  b: {distill: {width: 0.5, teacher: none}}")
    with_, without = of(plan, TrainModel)
    assert with_.starts == without.starts
    assert (with_.teaching is None, without.teaching is None) == (False, True)
    assert entrant(plan, "b").words == "train 0.5 × the width without a teacher, 4 epochs"


def test_a_source_of_another_runtime_teaches_a_student_of_ones_own(planned: Callable[..., Plan]) -> None:
    plan = planned("  a: {distill: {student: student.py:build}}\n  b: {train: {}}", source="bright.onnx")
    (step,) = [item for item in of(plan, TrainModel) if item.teaching]
    (said,) = [item for item in of(plan, Predict) if item.out() == step.teaching.predictions]
    assert said.call.runtime == "onnxruntime"
    assert len(of(plan, BuildStudent)) == 1
    assert entrant(plan, "a").refusal is None
    # Its weights cannot be trained.
    waiting = [entrant(plan, "b").model.id]
    reached = set()
    while waiting:
        reached.add(one := waiting.pop())
        waiting += plan.graph.needs(one)
    (declined,) = [plan.graph.steps[one] for one in reached if type(plan.graph.steps[one]).__name__ == "Decline"]
    assert declined.refusal.why.startswith("no route leads from ONNX")  # type: ignore[attr-defined]


def test_layers_of_a_teacher_that_is_no_keras_model_cannot_be_seen(planned: Callable[..., Plan]) -> None:
    text = "  a: {distill: {student: student.py:build, features: {x: y}}}"
    refusal = entrant(planned(text, source="bright.onnx"), "a").refusal
    assert refusal.why == "`features` looks into layers of a Keras model, and the source is none."
    assert entrant(planned(text), "a").refusal is None


def test_a_model_that_sees_one_step_at_a_time_is_not_trained(planned: Callable[..., Plan]) -> None:
    stepped = "bright.keras, inputs: {image: {steps: 0}}"
    refusal = entrant(planned("  a: {train: {}}", source=stepped), "a").refusal
    assert refusal.why == "samples are sequences that the model takes step by step, and no training here unrolls them."


def test_a_recipe_is_known_by_what_trains_it(planned: Callable[..., Plan], tmp_path: Path) -> None:
    text = "  a: {train: {fit: student.py:fit}}\n  b: {quantize: float16}"

    def known(**more: str) -> tuple[str, str]:
        plan = planned(text, **more)
        return entrant(plan, "a").recipe, entrant(plan, "b").recipe

    first = known()
    longer = known(train=", batch: 8")
    (tmp_path / "student.py").write_text("def fit(model, data, context): return model\n")
    edited = known()
    assert first[0] != longer[0]
    assert first[0] != edited[0]
    assert first[1] == longer[1] == edited[1]


def test_a_script_starts_from_the_network_that_a_search_chose(planned: Callable[..., Plan]) -> None:
    plan = planned("  a: {steps: [{search: {space: ds-cnn}}, {quantize: float16}]}")
    script = eject(plan.graph, entrant(plan, "a").model, "a")
    assert "inputs/model.keras" in script.inputs
    assert "Optuna" not in script.text
    compile(script.text, "a.py", "exec")


def test_a_script_starts_from_the_trained_model(planned: Callable[..., Plan]) -> None:
    plan = planned("  a: {steps: [train, {quantize: float16}]}")
    script = eject(plan.graph, entrant(plan, "a").model, "a")
    assert "inputs/model.keras" in script.inputs
    assert "convert_float16" in script.text
    compile(script.text, "a.py", "exec")
