"""One entry of `candidates:` that becomes several: values of a sweep."""

from __future__ import annotations

from collections.abc import Callable

from edgebuild.plan.lower import lower
from edgebuild.spec import Spec

Load = Callable[..., Spec]
ROW = "  pc: {device: here, runtime: onnxruntime}"
ONLY = "  pc: {device: here, runtime: onnxruntime, candidates: [grain]}"
HEAD = "candidates:\n"
WRITTEN = HEAD + "  grain: {quantize: {weights: int8, activations: int8, sweep: {per_channel: [true, false]}}}\n"


def names(spec: Spec, only: tuple[str, ...] = ()) -> list[str]:
    (target,) = lower([spec], candidates=only).specs[0].targets
    return [item.name for item in target.candidates]


def test_a_sweep_makes_a_candidate_for_each_value_under_one_name(load: Load) -> None:
    spec = load((HEAD, WRITTEN), (ROW, ONLY))
    assert names(spec) == ["source", "grain.per_channel-true", "grain.per_channel-false"]
    assert names(spec, ("grain",)) == names(spec)
    assert names(spec, ("grain.per_channel-false",)) == ["source", "grain.per_channel-false"]


def test_the_values_reach_the_recipes(load: Load) -> None:
    spec = load((HEAD, WRITTEN), (ROW, ONLY))
    stages = [recipe.stages[0].model_dump() for recipe in spec.candidates.values()]
    assert [stage["per_channel"] for stage in stages] == [True, False]


def test_a_sweep_in_a_list_of_steps(load: Load) -> None:
    written = HEAD + "  grain: {steps: [{quantize: {sweep: {weights: [int8, float16]}}}]}\n"
    assert names(load((HEAD, written), (ROW, ONLY))) == ["source", "grain.weights-int8", "grain.weights-float16"]
