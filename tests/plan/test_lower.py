"""Spec → graph: what is shared, what a name changes, what is refused before any work."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgebuild.core import versions
from edgebuild.core.graph import Graph
from edgebuild.devices.facts import DeviceFacts
from edgebuild.errors import SpecError
from edgebuild.measure.predict import Predict
from edgebuild.measure.time import TimeCandidates
from edgebuild.models import routes
from edgebuild.plan.lower import Plan, lower
from edgebuild.runtimes import RUNS_ON, SESSIONS, TARGETS, load_target
from edgebuild.spec import Spec

Load = Callable[..., Spec]

BY_NAME = {"DecideTarget", "AssemblePackage", "ArchivePackage", "RenderReport"}
"""Steps that may know a name or a budget."""


def kinds(graph: Graph) -> dict[str, int]:
    found: dict[str, int] = {}
    for step in graph.steps.values():
        found[type(step).__name__] = found.get(type(step).__name__, 0) + 1
    return found


def differing(one: Plan, other: Plan) -> set[str]:
    """Kinds of the steps that are in one graph alone."""
    return {
        type(step).__name__
        for graph, rest in ((one.graph, other.graph), (other.graph, one.graph))
        for step_id, step in graph.steps.items()
        if step_id not in rest.steps
    }


def test_equal_specs_are_equal_graphs(load: Load) -> None:
    assert list(lower([load()]).graph.steps) == list(lower([load()]).graph.steps)


def test_two_equal_targets_share_everything_but_what_has_a_name(load: Load) -> None:
    row = "  pc: {device: here, runtime: onnxruntime}"
    one, two = lower([load()]), lower([load((row, f"{row}\n  twin: {{device: here, runtime: onnxruntime}}"))])
    assert differing(one, two) <= BY_NAME


WITH_IT = {"tensorrt": ', compute_capability: "8.6"', "coreml": ", minimum_os: iOS18"}
"""What a runtime's target cannot be without, or does more with."""


@pytest.mark.parametrize("runtime", TARGETS)
def test_another_version_of_a_runtime_predicts_again(load: Load, monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    monkeypatch.setattr(versions, "version_of", lambda distribution: "1.0")
    row = "{device: here, runtime: onnxruntime}"
    plan = lower([load((row, f"{{device: here, runtime: {runtime}{WITH_IT.get(runtime, '')}}}"))])
    wanted = set(load_target(runtime).runs_on)
    assert wanted > {"numpy"}
    (target,) = plan.specs[0].targets
    steps = [plan.graph.steps[wire.id] for item in target.candidates for wire in item.predictions.values()]
    assert [set(step.versions) for step in steps if isinstance(step, Predict)] == [wanted] * len(steps)


def test_another_version_of_what_runs_a_source_predicts_again() -> None:
    assert {name for _, name in SESSIONS.values()} == set(RUNS_ON)
    same = {name: load_target(name).runs_on for name in RUNS_ON if name in TARGETS}
    assert same.items() <= RUNS_ON.items(), "a source that is a target's artifact too is predicted once"


def test_a_measurement_that_two_targets_share_suits_both(load: Load) -> None:
    row = "  pc: {device: here, runtime: onnxruntime}"
    limits = "all: {accuracy.drop: 20 pp, latency.p50: 8 ms}\n  twin: {latency.p50: 5 ms}"
    spec = load(
        (row, f"{row}\n  twin: {{device: here, runtime: onnxruntime}}"),
        ("all: {accuracy.drop: 20 pp, size: 2x}", limits),
    )
    aged = load(("objective:", "evidence: {max_age: 1 d}\n\nobjective:"), ("name: tiny", "name: aged"))
    held = {spec.file: {"pc": "sha256:1", "twin": "sha256:2"}}
    plan = lower([spec, aged], incumbents=held)
    (timing,) = [step for step in plan.graph.steps.values() if isinstance(step, TimeCandidates)]
    assert timing.limits == (5.0, 8.0)
    assert set(timing.incumbents) == {"sha256:1", "sha256:2"}
    assert timing.max_age() == plan.graph.nodes[timing.id].max_age == 86400.0


def test_a_measurement_is_known_by_what_runs_the_artifact_and_not_by_what_made_it(load: Load) -> None:
    steps = lower([load()]).graph.steps.values()
    (facts,) = [step for step in steps if isinstance(step, DeviceFacts)]
    assert set(facts.versions) == {"numpy", "onnxruntime"}


def test_runs_are_fed_a_few_samples_of_their_own(load: Load) -> None:
    graph = lower([load()]).graph
    fed = [step for step in graph.steps.values() if type(step).__name__ in ("TimeCandidates", "MeasureMemory")]
    assert {type(graph.steps[step.samples.id]).__name__ for step in fed} == {"PickInputs"}


def test_memory_is_as_young_as_latency_has_to_be(load: Load) -> None:
    graph = lower([load(("objective:", "evidence: {max_age: 1 d}\n\nobjective:"))]).graph
    nodes = [node for node in graph.nodes.values() if node.measures]
    assert {node.kind.rpartition(":")[2] for node in nodes} == {"TimeCandidates", "MeasureMemory"}
    assert {node.max_age for node in nodes} == {86400.0}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  pc: {", "  desk: {"),
        ("name: tiny", "name: other"),
        ("release: 0.1.0", "release: 0.2.0"),
        ("  accuracy: {", "  right: {"),
        ("accuracy.drop: 20 pp", "accuracy.drop: 10 pp"),
        ("size: 2x", "latency.p50: 3x"),
        ("{minimize: size}", "{minimize: latency.p50}"),
    ],
)
def test_names_and_budgets_are_labels(old: str, new: str, load: Load) -> None:
    changes = [(old, new)]
    if "right" in new:
        changes.append(("accuracy.drop", "right.drop"))
    assert differing(lower([load()]), lower([load(*changes)])) <= BY_NAME


def test_a_renamed_candidate_is_the_same_work(load: Load) -> None:
    one = lower([load(("defaults: true", "a: {quantize: int8}"))])
    two = lower([load(("defaults: true", "b: {quantize: int8}"))])
    assert differing(one, two) <= BY_NAME


def test_one_calibration_serves_all_candidates(load: Load) -> None:
    three = "a: {quantize: int8}\n  b: {quantize: {weights: int8, activations: int8, per_channel: false}}"
    assert kinds(lower([load(("defaults: true", three))]).graph)["CalibrateRanges"] == 1


def test_the_default_set_stands_beside_the_specs_own(load: Load) -> None:
    plan = lower([load(("defaults: true", "defaults: true\n  mine: {quantize: float16}"))])
    names = [candidate.name for candidate in plan.specs[0].targets[0].candidates]
    assert names == ["source", "float16", "int8", "int8-dynamic", "mine"]


def test_a_target_may_take_some_candidates_alone(load: Load) -> None:
    plan = lower([load(("runtime: onnxruntime}", "runtime: onnxruntime, candidates: [int8]}"))])
    assert [candidate.name for candidate in plan.specs[0].targets[0].candidates] == ["source", "int8"]


def test_what_a_runtime_cannot_do_is_refused_before_any_work(load: Load) -> None:
    plan = lower([load(("defaults: true", "odd: {quantize: {weights: float16, activations: dynamic}}"))])
    refused = plan.specs[0].targets[0].candidates[-1].refusal
    assert refused is not None
    assert refused.kind == "not applicable"
    assert "no kernels" in refused.why


def test_without_a_calibrate_split_static_quantization_is_refused_and_the_rest_goes_on(load: Load) -> None:
    found = lower([load(("calibrate: 40, ", ""))]).specs[0].targets[0].candidates
    assert [candidate.name for candidate in found if candidate.refusal] == ["int8"]


def test_a_route_this_machine_cannot_take_refuses_the_target_with_the_reason(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "version_of", lambda name: None if name == "onnxsim" else "1.0")
    routes.shortest.cache_clear()
    plan = lower([load(("runtime: onnxruntime", "runtime: litert"))])
    routes.shortest.cache_clear()
    words = [step.refusal.why for step in plan.graph.steps.values() if type(step).__name__ == "Decline"]
    assert any("the route from ONNX as the user wrote it to TFLite needs onnxsim" in why for why in words)


def test_a_tool_of_its_own_is_made_once_for_all_candidates(load: Load) -> None:
    plan = lower([load(("runtime: onnxruntime", "runtime: litert"))])
    assert kinds(plan.graph)["PinnedTool"] == 1
    (shared,) = (spec.shared for spec in plan.specs)
    hops = [hop.words for hop in shared.routes["onnx-file → tflite"]]
    assert hops == ["check the ONNX model", "simplify the ONNX model", "convert to TFLite"]


def test_a_device_elsewhere_is_never_timed(load: Load) -> None:
    found = kinds(lower([load(("device: here", "device: raspberry-pi-5"))]).graph)
    assert "TimeCandidates" not in found and "MeasureMemory" not in found
    assert found["Predict"] > 0


def test_effort_limits_candidates_samples_and_time(load: Load) -> None:
    few = "effort: {candidates: 2, time: 2 s, samples: {simulated: 50, measured: 60}}\nobjective:"
    plan = lower([load(("objective:", few))])
    refused = [candidate.name for candidate in plan.specs[0].targets[0].candidates if candidate.refusal]
    assert refused == ["int8", "int8-dynamic"]
    steps = plan.graph.steps.values()
    assert {step.count for step in steps if type(step).__name__ == "TakeSamples"} == {60}
    assert {step.seconds for step in steps if type(step).__name__ == "TimeCandidates"} == {2.0}


def test_unknown_targets_and_candidates_are_told_all_at_once(load: Load) -> None:
    with pytest.raises(SpecError) as caught:
        lower([load()], targets=["cp"], candidates=["int9"])
    assert len(caught.value.problems) == 2


def test_nothing_is_made_before_the_checks_passed(load: Load) -> None:
    graph = lower([load()]).graph
    admitted = {step_id for step_id, step in graph.steps.items() if type(step).__name__ == "AdmitSource"}
    proofs = {wire.id for step_id in admitted for wire in graph.steps[step_id].proofs}
    assert {"CheckData", "CheckSource"} == {type(graph.steps[step_id]).__name__ for step_id in proofs}
    for step_id, step in graph.steps.items():
        if type(step).__name__ in ("QuantizeStatic", "QuantizeDynamic", "ConvertFloat16", "CalibrateRanges"):
            assert admitted & set(graph.needs(step_id)), type(step).__name__
