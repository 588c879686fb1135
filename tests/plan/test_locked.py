"""A plan that stands on its lock: nothing is measured, and the locked bytes are what is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.core.wires import Refusal
from edgebuild.data.sources import digest_path
from edgebuild.deliver.provenance.records import Decided, Figure, Lock, LockedTarget, Observation
from edgebuild.errors import MissingToolError, Refused
from edgebuild.plan.held import Asked, Ground
from edgebuild.plan.lower import lower, lower_spec
from edgebuild.plan.making import HoldToLock, makers, recipe_digest, tools_of
from tests.conftest import Bench, wire
from tests.plan.test_lower import Load, kinds

DIGEST = "sha256:" + "a" * 64
MACHINE = "board, onnxruntime 1.32.0"


def lock(choice: str | None = "int8", artifact: str = DIGEST, machine: str = MACHINE) -> Lock:
    figure = Figure(value=1.0, unit="ms", evidence="measured")
    seen = Observation(artifact=artifact or DIGEST, figures={"latency.p50": figure})
    decided = Decided(
        device="here", runtime="onnxruntime", source="s", data="d", choice=choice, artifact=artifact if choice else "",
        machine=machine, verdicts={"all.latency.p50 max 8 ms": "pass"},
    )  # fmt: skip
    return Lock(targets={"pc": LockedTarget(decided=decided, observed={"a": seen, MACHINE: seen})})


def test_a_locked_plan_measures_nothing(load: Load) -> None:
    graph = Graph()
    spec = load()
    lower_spec(spec, graph, spec.targets, (), Ground.of(lock(), Asked(locked=True)))
    found = kinds(graph)
    assert not {"TimeCandidates", "MeasureMemory", "SummarizeLatency"} & set(found)
    assert found["HoldToLock"] == 1
    assert "ReadSource" in found


def test_a_locked_plan_that_remeasures_does(load: Load) -> None:
    graph = Graph()
    spec = load()
    lower_spec(spec, graph, spec.targets, (), Ground.of(lock(), Asked(locked=True, remeasure=True)))
    assert {"TimeCandidates", "MeasureMemory"} <= set(kinds(graph))


def test_locked_bytes_that_a_store_has_are_an_input_of_the_choice_alone(load: Load) -> None:
    graph = Graph()
    spec = load()
    ground = Ground.of(lock(), Asked(locked=True, at_hand={DIGEST: "/store/blobs/aa"}))
    plan = lower_spec(spec, graph, spec.targets, (), ground)
    (held,) = [step for step in graph.steps.values() if isinstance(step, HoldToLock)]
    assert held.stored is not None
    models = {item.name: item.model.id for item in plan.targets[0].candidates}
    assert [name for name, step_id in models.items() if step_id == held.id] == ["int8"]


def test_the_numbers_are_those_of_the_machine_that_the_decision_names() -> None:
    held = Ground.of(lock(), Asked(locked=True)).held("pc")
    assert held is not None
    assert (held.machine, held.numbers["latency.p50"].value, held.measured) == (MACHINE, 1.0, False)
    older = Ground.of(lock(machine=""), Asked(locked=True)).held("pc")
    assert older is not None and older.numbers


def test_of_a_lock_where_nothing_ships_the_numbers_of_the_nearest_miss_count() -> None:
    held = Ground.of(lock(choice=None), Asked(locked=True)).held("pc")
    assert held is not None
    assert (held.choice, held.artifact) == (None, DIGEST)


def test_a_fresh_choice_knows_no_incumbent_and_a_usual_build_decides_itself() -> None:
    assert Ground.of(lock(), Asked(fresh_choice=True)).incumbents == {}
    usual = Ground.of(lock(), Asked())
    assert (usual.incumbents, usual.held("pc"), usual.measures) == ({"pc": DIGEST}, None, True)


def test_the_tools_of_a_candidate_are_those_that_make_its_bytes(load: Load) -> None:
    plan = lower([load()])
    models = {item.name: item.model for item in plan.specs[0].targets[0].candidates}
    assert {"onnxruntime", "onnx", "onnxsim"} <= set(tools_of(plan.graph, models["int8"]))
    kinds_of = {node.kind.rpartition(":")[2] for node in makers(plan.graph, models["int8"])}
    assert "CalibrateRanges" in kinds_of
    assert not {"CheckSource", "Predict"} & kinds_of, "the source check runs the model, and decides no byte of it"


def test_a_recipe_is_known_by_its_stages_and_its_own_model(load: Load) -> None:
    spec = load(("defaults: true", "a: {quantize: int8}\n  b: {quantize: int8}\n  c: {quantize: float16}"))
    a, b, c = (recipe_digest(spec.candidates[name], "") for name in "abc")
    assert a == b != c
    assert recipe_digest(spec.candidates["a"], DIGEST) != a


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    made, stored = tmp_path / "made.onnx", tmp_path / "stored.onnx"
    made.write_bytes(b"made here")
    stored.write_bytes(b"pinned")
    return made, stored


def hold(digest: str, made: bool = True, stored: bool = True) -> HoldToLock:
    return HoldToLock(
        digest=digest,
        name="model.onnx",
        made=wire("made").attempt() if made else None,
        stored=wire("stored").attempt() if stored else None,
    )


def test_what_was_made_is_taken_where_it_is_what_is_locked(tmp_path: Path, files: tuple[Path, Path]) -> None:
    bench = Bench(tmp_path / "bench", made=files[0], stored=files[1])
    assert bench.run(hold(digest_path(files[0]))).read_bytes() == b"made here"


def test_else_the_stores_bytes_are_taken_and_else_what_was_made(tmp_path: Path, files: tuple[Path, Path]) -> None:
    bench = Bench(tmp_path / "bench", made=files[0], stored=files[1])
    assert bench.run(hold(digest_path(files[1]))).read_bytes() == b"pinned"
    assert Bench(tmp_path / "other", made=files[0]).run(hold(DIGEST, stored=False)).read_bytes() == b"made here"


def test_what_cannot_be_made_again_and_is_nowhere_is_a_missing_tool_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError) as caught:
        hold(DIGEST, made=False, stored=False).run(Bench(tmp_path))
    assert "--store" in caught.value.problems[0].fix


@pytest.mark.parametrize(("kind", "taken"), [("rejected", False), ("not applicable", False), ("failed", True)])
def test_a_store_does_not_hide_that_the_recipe_is_declined_now(
    kind: str, taken: bool, tmp_path: Path, files: tuple[Path, Path]
) -> None:
    refusal = Refusal.model_validate({"kind": kind, "by": "tool", "why": "no"})
    bench = Bench(tmp_path / "bench", made=refusal, stored=files[1])
    if taken:
        assert bench.run(hold(DIGEST)).read_bytes() == b"pinned"
    else:
        with pytest.raises(Refused):
            bench.run(hold(DIGEST))
