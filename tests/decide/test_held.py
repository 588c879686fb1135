"""A decision that is not made again: it rests on the lock's numbers for exactly these bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebuild.core.dossier import Dossier
from edgebuild.core.evidence import Status
from edgebuild.decide.budgets import Budget, Term
from edgebuild.decide.held import Held, HeldNumber
from tests.decide.test_dossier import DROP, FASTER, P95, Target

MEMORY = Budget(
    typed="all.memory.model", quantity="memory.model", form="max", limit=3.0, unit="B", relative=True, text="3x"
)
BOUND = P95.model_copy(update={"form": "upper"})


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path)


def number(value: float, unit: str = "ms") -> HeldNumber:
    return HeldNumber(value=value, unit=unit, evidence="measured")


def held(target: Target, choice: str | None = "int8", **changes: Any) -> Held:
    artifact = target.decide(budgets=()).candidate(choice or "int8").digest
    numbers = {
        "latency.p50": number(1.2),
        "latency.p50.ratio": number(0.6, "1"),
        "latency.p95": number(1.3),
        "latency.p95.bound": number(1.4),
        "memory.model": number(2e6, "B"),
        "memory.model.ratio": number(2.0, "1"),
        "accuracy": number(12.0, "%"),
    }
    return Held(**{"choice": choice, "artifact": artifact, "machine": "board", "numbers": numbers, **changes})


def locked(target: Target, lock: Held, **fields: Any) -> Dossier:
    """Without a timing run and without memory, as a locked plan has it."""
    step = target.step()
    entrants = tuple(item.model_copy(update={"memory": None}) for item in step.entrants)
    return target.decide(**{"entrants": entrants, "latency": None, "held": lock, **fields})


def statuses(dossier: Dossier) -> dict[str, Status]:
    return {verdict.budget: verdict.status for verdict in dossier.verdicts}


def test_verdicts_rest_on_the_locks_numbers_and_samples_are_judged_anew(target: Target) -> None:
    dossier = locked(target, held(target), budgets=(DROP, FASTER, P95, MEMORY))

    assert dossier.choice == "int8"
    assert set(statuses(dossier).values()) == {"pass"}
    p95 = dossier.candidate("int8").measured("latency.p95")
    accuracy = dossier.candidate("int8").measured("accuracy", "report")
    assert p95 is not None and accuracy is not None
    assert (p95.value, p95.evidence, p95.why) == (1.3, "measured", "From the lock, measured on board.")
    assert accuracy.value == 95 - 0.2
    assert "Latency and memory are the lock's, measured on board." in dossier.notes


def test_a_number_of_the_lock_over_the_limit_fails(target: Target) -> None:
    assert (
        statuses(locked(target, held(target), budgets=(P95.model_copy(update={"limit": 1.25}),)))[P95.typed] == "fail"
    )


def test_a_bound_of_the_lock_is_judged_where_the_budget_asks_for_it(target: Target) -> None:
    between = BOUND.model_copy(update={"limit": 1.35})

    assert statuses(locked(target, held(target), budgets=(between,)))[P95.typed] == "inconclusive"
    assert statuses(locked(target, held(target), budgets=(BOUND,)))[P95.typed] == "pass"


def test_numbers_of_other_bytes_do_not_count(target: Target) -> None:
    dossier = locked(target, held(target, artifact="sha256:" + "1" * 64), budgets=(P95,))

    assert statuses(dossier)[P95.typed] == "inconclusive"
    assert "`--locked` measures nothing" in dossier.verdicts[0].why


def test_a_verdict_that_the_lock_leaves_open_stays_open(target: Target) -> None:
    lock = held(target, verdicts={"here.latency.p95 max 8 ms": "unproven"})

    assert statuses(locked(target, lock, budgets=(P95,)))[P95.typed] == "unproven"


def test_the_locked_choice_stands_where_only_a_run_could_tell(target: Target) -> None:
    by_latency = locked(target, held(target, "half"), budgets=(DROP,))

    assert by_latency.choice == "half"
    assert "`half` ships: the lock says so." in by_latency.decisions


def test_a_choice_that_rests_on_no_run_is_made_again(target: Target) -> None:
    by_size = (Term(direction="minimize", quantity="size"),)

    assert locked(target, held(target, "half"), budgets=(DROP,), objective=by_size).choice == "int8"


def test_a_pin_of_the_spec_is_stronger_than_the_lock(target: Target) -> None:
    assert locked(target, held(target, "half"), budgets=(DROP,), choose="source").choice == "source"


def test_a_locked_choice_that_fails_on_samples_is_left(target: Target) -> None:
    assert locked(target, held(target, "dyn"), budgets=(DROP, P95)).choice != "dyn"


def test_that_nothing_ships_stands_too_and_the_nearest_miss_is_judged(target: Target) -> None:
    none = held(target).model_copy(update={"choice": None})
    dossier = locked(target, none, budgets=(P95.model_copy(update={"limit": 1.0}),))

    assert (dossier.choice, dossier.nearest) == (None, "int8")
    assert [verdict.status for verdict in dossier.verdicts] == ["fail"]


def test_measured_again_the_new_numbers_count_and_the_choice_stands(target: Target) -> None:
    lock = held(target, "half", measured=True)
    dossier = target.decide(budgets=(DROP, FASTER), held=lock)

    assert dossier.choice == "half"
    assert statuses(dossier)[FASTER.typed] == "fail"
