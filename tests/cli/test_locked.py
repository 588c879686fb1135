"""`--locked` on the whole small project: the plan, the walk and the comparison, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgebuild.cli.delivery import Delivery
from edgebuild.cli.planning import Planned
from edgebuild.core.graph import Graph
from edgebuild.deliver.provenance.lock import read_lock
from edgebuild.engine.build import Options, build
from edgebuild.engine.pinned import at_hand
from edgebuild.engine.store import Store
from edgebuild.plan.held import Asked, pinned_digests
from edgebuild.plan.part import outputs
from tests.cli.conftest import Project

MEMORY = ("size: 2x}", "size: 2x, memory.model: 30x, memory.process: {upper: 1 GB}}")
"""Numbers of runs that a busy machine does not spoil."""


@contextmanager
def delivered(project: Project, store: Path | None = None, **asked: bool) -> Iterator[Delivery]:
    """What a build that treats its lock so brings, written out."""
    with Store(store or project.store) as place:
        graph, hand = Graph(), at_hand(place, pinned_digests(project.spec))
        part = outputs(project.spec, graph, (), (), Asked(at_hand=hand, **asked))
        with build(graph, place, Options(jobs=2, remeasure=asked.get("remeasure", False))) as results:
            delivery = Delivery(Planned(graph, [part]), results, locked=asked.get("locked", False))
            delivery.write()
            yield delivery


def ran(delivery: Delivery) -> set[str]:
    steps = (delivery.plan.graph.nodes[step_id] for step_id in delivery.results.ran_steps)
    return {node.kind.rpartition(":")[2] for node in steps}


def locked(project: Project, store: Path | None = None) -> tuple[int, set[str], str]:
    with delivered(project, store, locked=True) as delivery:
        words = "\n".join(problem.render() for problem in delivery.problems())
        return delivery.code((), require_device=False), ran(delivery), words


@pytest.fixture
def budgeted(project: Project) -> Project:
    """With budgets on numbers of runs, and a lock that holds them."""
    project.replace(*MEMORY)
    assert project.build().code == 0
    return project


def test_in_an_empty_store_everything_is_made_and_nothing_is_measured(budgeted: Project, tmp_path: Path) -> None:
    before = budgeted.spec.with_suffix(".lock").read_bytes()
    code, steps, words = locked(budgeted, tmp_path / "empty")
    assert (code, words) == (0, "")
    assert "Predict" in steps and not {"TimeCandidates", "MeasureMemory"} & steps
    assert budgeted.spec.with_suffix(".lock").read_bytes() == before


def test_a_candidate_that_is_rejected_now_and_another_release_are_told(budgeted: Project) -> None:
    budgeted.replace("release: 0.1.0", "release: 9.9.9")
    budgeted.replace("calibrate: 40, ", "")
    code, _, words = locked(budgeted)
    assert code == 1
    assert "release: the spec says `9.9.9`, the lock has `0.1.0`." in words
    assert "candidates: int8: is not applicable by plan now, the lock has made." in words


def test_a_target_that_left_the_spec_is_told(project: Project) -> None:
    here = "  pc: {device: here, runtime: onnxruntime}"
    project.replace(here, f"{here}\n  pi: {{device: raspberry-pi-5, runtime: onnxruntime}}")
    assert project.build().code == 0
    project.replace("\n  pi: {device: raspberry-pi-5, runtime: onnxruntime}", "")
    code, _, words = locked(project)
    assert code == 1
    assert "pi: is in the lock, but is no target of the spec any more." in words


def test_locked_bytes_that_are_nowhere_exit_four_with_a_way_to_them(project: Project) -> None:
    file = project.spec.with_suffix(".lock")
    held = read_lock(file).targets["pc"].decided.artifact
    file.write_text(file.read_text().replace(held, "sha256:" + "1" * 64))
    code, _, words = locked(project)
    assert code == 4
    assert "EDGEBUILD_STORE_LAYERS" in words


def test_locked_bytes_that_other_tools_would_make_anew_are_taken_from_the_store(project: Project) -> None:
    file = project.spec.with_suffix(".lock")
    decided = read_lock(file).targets["pc"].decided
    dossier = json.loads((project.package.parent / "dossiers" / "pc.json").read_text())
    pinned = next(item["digest"] for item in dossier["candidates"] if item["digest"] != decided.artifact)
    file.write_text(file.read_text().replace(decided.artifact, pinned))
    with delivered(project, locked=True) as delivery:
        (found,) = delivery.dossiers[str(project.spec)]
        assert found.candidate(str(decided.choice)).digest == pinned
        assert not any(problem.where.endswith(".artifact") for problem in delivery.problems())


def test_measured_again_under_the_lock_the_choice_stands_and_the_lock_stays(budgeted: Project) -> None:
    before = budgeted.spec.with_suffix(".lock").read_bytes()
    with delivered(budgeted, locked=True, remeasure=True) as delivery:
        assert "TimeCandidates" in ran(delivery)
        assert delivery.code((), require_device=False) == 0
    assert budgeted.spec.with_suffix(".lock").read_bytes() == before


def test_a_fresh_choice_is_the_same_where_nothing_better_is_there(project: Project) -> None:
    with delivered(project, fresh_choice=True) as delivery:
        (dossier,) = delivery.dossiers[str(project.spec)]
    assert dossier.choice == read_lock(project.spec.with_suffix(".lock")).targets["pc"].decided.choice
