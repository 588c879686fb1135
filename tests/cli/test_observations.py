"""Measurements as observations: what was measured counts wherever it is contained, and is replaced only on request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Project


@pytest.fixture(autouse=True)
def known(project: Project) -> None:
    """Built once in its own folder."""
    project.build()


def protocol(project: Project) -> dict[str, Any]:
    """How the latencies of the last build were taken."""
    dossier = json.loads((project.folder / "build" / "tiny" / "dossiers" / "pc.json").read_text())
    found: dict[str, Any] = dossier["protocol"]["latency"]
    return found


def test_fewer_candidates_and_other_names_measure_nothing_again(project: Project) -> None:
    before = protocol(project)
    project.replace("  defaults: true", "  defaults: true\n  half: {quantize: float16}")
    assert project.build().code == 0
    assert protocol(project)["raw"] == before["raw"]
    project.replace("  defaults: true\n  half:", "  defaults: false\n  renamed:")
    assert project.build().code == 0
    after = protocol(project)
    assert (after["raw"], after["times_measured"]) == (before["raw"], 1)


def test_a_new_candidate_is_measured_beside_the_source(project: Project) -> None:
    project.replace("  defaults: true", "  defaults: false\n  half: {quantize: float16}")
    # What was measured with all candidates does not count any more.
    assert new_numbers(project)
    before = protocol(project)["times_measured"]
    project.replace("float16}", "float16}\n  w8: {quantize: {weights: int8, activations: dynamic}}")
    assert project.build().code == 0
    assert protocol(project)["times_measured"] == before + 1
    ratios = json.loads((project.folder / "build" / "tiny" / "dossiers" / "pc.json").read_text())["candidates"]
    assert all(item["ratio"] for item in ratios if item["name"] in ("half", "w8"))


def new_numbers(project: Project) -> bool:
    """Measure again; beside somebody else's work a run may not count, and then the old numbers stay."""
    before = protocol(project)["raw"]
    for _ in range(5):
        project.build("--remeasure")
        project.build()
        if protocol(project)["raw"] != before:
            return True
    return False


def test_remeasure_takes_new_numbers_and_they_stay(project: Project) -> None:
    before = protocol(project)
    assert new_numbers(project)
    after = protocol(project)
    assert after["raw"] != before["raw"]
    assert project.build().ran == 0
    assert protocol(project)["raw"] == after["raw"]


def test_numbers_that_are_too_old_are_taken_again(project: Project) -> None:
    before = protocol(project)
    project.replace("objective:", "evidence: {max_age: 90 d}\n\nobjective:")
    project.build()
    assert protocol(project)["raw"] == before["raw"]
    project.replace("90 d", "1 s")
    project.build()
    assert protocol(project)["raw"] != before["raw"]


def test_numbers_that_were_replaced_do_not_come_back_with_the_candidates_they_were_taken_with(project: Project) -> None:
    project.replace("  defaults: true", "  defaults: true\n  twin: {quantize: {weights: int8, activations: dynamic}}")
    project.build()
    assert new_numbers(project)
    newest = protocol(project)["raw"]
    project.replace("\n  twin: {quantize: {weights: int8, activations: dynamic}}", "")
    project.build()
    assert protocol(project)["raw"] == newest


def test_another_size_of_the_split_measures_nothing_again(project: Project) -> None:
    before = protocol(project)
    project.replace("select: 100", "select: 101")
    done = project.build()
    assert done.code == 0
    assert protocol(project)["raw"] == before["raw"]
    assert "measure memory" not in done.err and "time the candidates" not in done.err
