"""A search over a target's options: every candidate with every setting, in one run."""

from __future__ import annotations

from collections.abc import Callable

from edgebuild.decide.dossier import DecideTarget
from edgebuild.deliver.package import AssemblePackage
from edgebuild.measure.time import TimeCandidates
from edgebuild.plan.lower import lower
from edgebuild.spec import Spec

Load = Callable[..., Spec]
ROW = "  pc: {device: here, runtime: onnxruntime}"
SEARCH = "  pc: {device: here, runtime: onnxruntime, candidates: [int8], search: {threads: [1, 2]}}"


def test_every_candidate_is_timed_with_every_setting_in_one_run(load: Load) -> None:
    plan = lower([load((ROW, SEARCH))])
    (target,) = plan.specs[0].targets
    assert [item.name for item in target.candidates] == ["source", "int8", "source.threads-2", "int8.threads-2"]
    (timing,) = [step for step in plan.graph.steps.values() if isinstance(step, TimeCandidates)]
    assert [item.call.options["threads"] for item in timing.models] == [1, 1, 2, 2]
    assert timing.threads == 2
    one, two = (next(item for item in target.candidates if item.name == name) for name in ("int8", "int8.threads-2"))
    assert one.model == two.model
    assert two.words.endswith("; with threads 2")


def test_the_decision_and_the_package_know_the_setting(load: Load) -> None:
    plan = lower([load((ROW, SEARCH))])
    (judged,) = [step for step in plan.graph.steps.values() if isinstance(step, DecideTarget)]
    assert [item.call.options["threads"] for item in judged.entrants if item.call] == [1, 1, 2, 2]
    (package,) = [step for step in plan.graph.steps.values() if isinstance(step, AssemblePackage)]
    assert [config["intra_op_num_threads"] for config in package.configs] == [1, 1, 2, 2]


def test_one_setting_is_no_search(load: Load) -> None:
    plain = lower([load((ROW, ROW.replace("}", ", threads: 2}")))])
    single = lower([load((ROW, ROW.replace("}", ", search: {threads: [2]}}")))])
    assert list(plain.graph.steps) == list(single.graph.steps)


def test_a_setting_may_be_pinned(load: Load) -> None:
    chosen = SEARCH.replace("}}", "}, choose: int8.threads-2}")
    (judged,) = [s for s in lower([load((ROW, chosen))]).graph.steps.values() if isinstance(s, DecideTarget)]
    assert judged.choose == "int8.threads-2"
