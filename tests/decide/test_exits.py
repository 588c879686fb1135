"""The exit code that several dossiers add up to."""

from __future__ import annotations

import pytest

from edgebuild.core.dossier import CandidateFile
from edgebuild.decide.budgets import Budget
from edgebuild.decide.exits import code_of, exit_code
from tests.decide.dossiers import candidate, candidates, dossier, refused

UNPROVEN = Budget(typed="here.energy", quantity="energy", form="max", limit=5.0, unit="mJ", text="5 mJ")
NEVER = Budget(typed="here.size", quantity="size", form="max", limit=1.0, unit="B", text="1 B")


def test_a_passing_target_is_0() -> None:
    assert code_of(dossier()) == 0


def test_a_failing_budget_is_1() -> None:
    failing = dossier(budgets=(NEVER,))

    assert (failing.choice, failing.nearest) == (None, "int8")
    assert code_of(failing) == 1
    assert code_of(failing, accept=("unproven",)) == 1


def test_unproven_is_1_unless_the_caller_accepts_it() -> None:
    unproven = dossier(budgets=(UNPROVEN,))

    assert unproven.choice == "int8"
    assert code_of(unproven) == 1
    assert code_of(unproven, accept=("unproven",)) == 0


def test_a_required_candidate_that_was_refused_is_3() -> None:
    for kind in ("rejected", "not applicable"):
        assert code_of(dossier(files=(*candidates()[:3], refused("w8a8", "", kind, required=True)))) == 3


def test_a_required_candidate_that_a_failed_step_took_is_5() -> None:
    assert code_of(dossier(files=(*candidates()[:3], refused("w8a8", "", "failed", required=True)))) == 5


def test_a_candidate_that_nobody_requires_may_fail() -> None:
    assert code_of(dossier(files=(*candidates()[:3], refused("extra", "", "failed")))) == 0


@pytest.mark.parametrize(("kind", "code"), [("rejected", 3), ("not applicable", 3), ("failed", 5)])
def test_a_target_without_any_candidate_is_3_or_5(kind: str, code: int) -> None:
    assert code_of(dossier(files=(refused("source", "", kind), refused("int8", "", kind)))) == code


def test_a_device_that_was_asked_for_and_is_not_there_is_4() -> None:
    def away(name: str) -> CandidateFile:
        file = candidate(name, "")
        gone = {"value": None, "evidence": "unavailable", "why": "pi5 cannot be reached from here."}
        numbers = [
            item.model_copy(update=gone) if item.quantity.startswith("latency") else item for item in file.measurements
        ]
        return file.model_copy(update={"measurements": tuple(numbers), "ratio": {}})

    elsewhere = dossier(files=(away("source"),), budgets=(), device="pi5")

    assert code_of(elsewhere) == 0
    assert code_of(elsewhere, require_device=True) == 4
    assert code_of(dossier(), require_device=True) == 0


def test_the_worst_of_several_targets_counts() -> None:
    failing = dossier(budgets=(NEVER,))
    nothing = dossier(files=(refused("source", ""),))

    assert exit_code([dossier(), failing]) == 1
    assert exit_code([failing, nothing, dossier()]) == 3


def test_a_target_is_built_from_files_that_read_back() -> None:
    from edgebuild.core.dossier import Dossier
    from tests.decide.dossiers import DUMPED

    assert Dossier.model_validate_json(DUMPED.read_text(encoding="utf-8")) == dossier()
    assert candidate("a", "").measured("size") is not None
