"""Targets: what each recipe becomes, what is declined, what a package's configuration says."""

from __future__ import annotations

import pytest

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.graph import Graph
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.runtimes import load_target, target_names
from edgebuild.runtimes.base import Target
from tests.conftest import wire


class To:
    """Gathers the steps that a target adds."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def add(self, step: Step, label: str = "") -> Artifact:
        self.steps.append(step)
        return step.out()

    def convert(self, model: Artifact, source: str, target: str) -> Artifact:
        return model

    surroundings: dict[str, object] = {"inputs": {}, "outputs": {}, "labels": (), "shapes": {}, "states": {}}

    def calibration(self) -> Artifact:
        return wire("checked", "calibrate")


def target(name: str, **options: object) -> Target:
    return load_target(name).model_validate({"runtime": name, **options})


@pytest.mark.parametrize(
    ("name", "recipes"),
    [
        ("onnxruntime", ["float16", "int8", "int8-dynamic"]),
        ("litert", ["float16", "int8", "int8-dynamic"]),
        ("tensorrt", ["float16", "int8"]),
    ],
)
def test_the_default_set_is_what_the_runtime_has_kernels_for(name: str, recipes: list[str]) -> None:
    made = target(name)
    assert list(made.default_recipes()) == recipes
    for recipe in made.default_recipes().values():
        to = To()
        draft = recipe.stages[0].lower(to, Draft(model=wire("model"), format=made.format), made)
        assert to.steps and draft.model == to.steps[-1].out()
        assert draft.words


@pytest.mark.parametrize("name", ["onnxruntime", "litert", "tensorrt"])
def test_one_calibration_is_one_step_for_all_ways_to_quantize(name: str) -> None:
    made, graph = target(name), Graph()
    seen = set()
    for per_channel in (True, False):
        to = To()
        how = Quantize(weights="int8", activations="int8", per_channel=per_channel)
        made.quantize(to, Draft(model=wire("model"), format=made.format), how)
        seen.add(to.steps[0].id)
    assert len(seen) == 1
    assert not graph.steps


@pytest.mark.parametrize(
    ("name", "weights", "activations"),
    [
        ("onnxruntime", "float16", "dynamic"),
        ("onnxruntime", "palette6", "float32"),
        ("litert", "float16", "dynamic"),
        ("tensorrt", "int8", "dynamic"),
        ("tensorrt", "int8", "float32"),
    ],
)
def test_what_a_runtime_has_no_kernels_for_is_declined_with_what_it_has(
    name: str, weights: str, activations: str
) -> None:
    how = Quantize.model_validate({"weights": weights, "activations": activations})
    made = target(name)
    with pytest.raises(Refused, match="no kernels") as caught:
        made.quantize(To(), Draft(model=wire("model"), format=made.format), how)
    assert caught.value.kind == "not applicable"
    assert caught.value.fix


def test_options_reach_the_session_and_the_packages_configuration() -> None:
    ort = target("onnxruntime", threads=2, optimization="basic", entries={"session.x": "1"})
    assert ort.call().options["threads"] == 2
    assert ort.config()["intra_op_num_threads"] == 2
    assert ort.config()["graph_optimization_level"] == "ORT_ENABLE_BASIC"
    assert ort.config()["session_config_entries"]["session.x"] == "1"
    lite = target("litert", threads=4, xnnpack=False)
    assert lite.call().options == {"threads": 4, "xnnpack": False}
    assert lite.config() == {"num_threads": 4, "op_resolver_type": "BUILTIN_WITHOUT_DEFAULT_DELEGATES"}


def test_an_unknown_runtime_is_told_with_the_one_meant() -> None:
    with pytest.raises(KeyError, match="did you mean `litert`"):
        load_target("litrt")
    assert target_names()[:4] == ["onnxruntime", "litert", "coreml", "tensorrt"]


def test_a_recipe_is_described_before_anything_is_made() -> None:
    ort = target("onnxruntime")
    assert ort.describe(Recipe()) == "the model itself, converted and not compressed"
    own = Recipe(source="/anywhere/qat.onnx", stages=(Quantize(weights="int8", activations="int8"),))
    assert ort.describe(own) == "your own qat.onnx; quantize weights int8, activations int8"
