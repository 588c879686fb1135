"""What a step sees of the environment: nothing, but for what its key holds."""

from __future__ import annotations

import json
import os

import pytest

from edgebuild.core.step import variable_digest
from edgebuild.engine.process.environment import BELOW_HOME, environment
from edgebuild.spec.written import OURS, variable_name
from tests.engine.conftest import Yard, graph_of
from tests.engine.steps import Asks, Reads

NAMES = ("EDGE_A", "EDGE_B")


def seen(yard: Yard, step: Reads | Asks) -> dict[str, str | None]:
    digest = variable_digest("EDGE_A", os.environ.get("EDGE_A"))
    results = yard.build(graph_of(read=step.within({"EDGE_A": digest})))
    assert results.exit_code == 0, results.problems()
    found: dict[str, str | None] = json.loads(yard.blob(results, "read").read_text())
    return {**found, "ran": str(results.ran)}


def test_a_declared_variable_is_seen_and_counts_and_others_are_not(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_A", "one")
    monkeypatch.setenv("EDGE_B", "secret")
    step = Reads(names=NAMES)
    assert seen(yard, step) == {"EDGE_A": "one", "EDGE_B": None, "ran": "1"}
    assert seen(yard, step)["ran"] == "0"
    monkeypatch.setenv("EDGE_B", "another")
    assert seen(yard, step)["ran"] == "0"
    monkeypatch.setenv("EDGE_A", "two")
    assert seen(yard, step) == {"EDGE_A": "two", "EDGE_B": None, "ran": "1"}
    monkeypatch.setenv("EDGE_A", "")
    assert seen(yard, step) == {"EDGE_A": "", "EDGE_B": None, "ran": "1"}
    monkeypatch.delenv("EDGE_A")
    assert seen(yard, step) == {"EDGE_A": None, "EDGE_B": None, "ran": "1"}
    monkeypatch.setenv("EDGE_A", "one")
    assert seen(yard, step)["ran"] == "0"


def test_what_a_step_asks_for_sees_it_too(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_A", "one")
    assert seen(yard, Asks(names=NAMES))["EDGE_A"] == "one"
    monkeypatch.setenv("EDGE_A", "two")
    assert seen(yard, Asks(names=NAMES)) == {"EDGE_A": "two", "EDGE_B": None, "ran": "1"}


def test_its_value_stands_nowhere_in_the_store_but_in_what_the_step_wrote(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_A", "a-very-secret-token")
    seen(yard, Reads(names=()))
    yard.store.rows.run("PRAGMA wal_checkpoint(TRUNCATE)")
    files = [path for path in yard.store.root.rglob("*") if path.is_file()]
    assert len(files) > 2
    assert not [path for path in files if b"a-very-secret-token" in path.read_bytes()]


def test_one_that_changes_while_the_build_runs_is_told(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_A", "one")
    graph = graph_of(read=Reads(names=NAMES).within({"EDGE_A": variable_digest("EDGE_A", "one")}))
    monkeypatch.setenv("EDGE_A", "two")
    results = yard.build(graph)
    assert results.exit_code == 5
    assert "changed while the build ran" in results.problems()[0].what


def test_what_every_step_has_of_its_own_cannot_be_declared() -> None:
    ours = set(environment("/home", [])) - set(environment.__globals__["ENVIRONMENT"]) | {"PYTHONHASHSEED"}
    assert set(BELOW_HOME) < ours
    for name in ours:
        with pytest.raises(ValueError, match="one of its own"):
            variable_name(name)
    assert variable_name("CUDA_VISIBLE_DEVICES") == "CUDA_VISIBLE_DEVICES"
    assert {name for name in OURS if not name.startswith("PYTHON")} <= ours
