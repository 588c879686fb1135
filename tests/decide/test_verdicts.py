"""Verdict by verdict: what passes, fails, is inconclusive or unproven, and the words it gets."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebuild.core.dossier import CandidateFile
from edgebuild.core.evidence import EVIDENCE, Interval, Measurement, Verdict
from edgebuild.decide.budgets import Budget, Floors, Form
from edgebuild.decide.limits import limit_words, margin_of, words
from edgebuild.decide.verdicts import COMMITTED, Bench


def budget(quantity: str = "accuracy.drop", form: Form = "max", limit: float = 0.5, **fields: Any) -> Budget:
    return Budget(typed=f"all.{quantity}", quantity=quantity, form=form, limit=limit, unit="pp", **fields)


def number(quantity: str = "accuracy.drop", value: float | None = 0.2, **fields: Any) -> Measurement:
    return Measurement(quantity=quantity, value=value, **{"unit": "pp", "evidence": "measured", **fields})


def judged(limit: Budget, *numbers: Measurement, ratio: Any = None, **bench: Any) -> Verdict:
    file = CandidateFile(name="x", recipe="", measurements=numbers, ratio=ratio or {})
    return Bench([limit], **bench).verdicts(file, "select")[0]


def bound(high: float) -> Interval:
    return Interval(low=None, high=high, level=0.95, method="exact")


def both(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, level=0.95, method="bootstrap")


TABLE = [
    # form, limit, value, bound, status
    ("max", 0.5, 0.2, 0.4, "pass"),
    ("max", 0.5, 0.5, 0.9, "pass"),
    ("max", 0.5, 0.2, 0.9, "pass"),
    ("max", 0.5, 0.51, 0.9, "fail"),
    ("upper", 1.5, 0.2, 1.5, "pass"),
    ("upper", 1.5, 0.2, 1.6, "inconclusive"),
    ("upper", 1.5, 1.6, 2.9, "fail"),
    ("max", 0.0, 0.0, 0.2, "pass"),
    ("max", 0.0, 0.1, 0.2, "fail"),
    ("max", 0.5, -3.0, -2.0, "pass"),
]


@pytest.mark.parametrize(("form", "limit", "value", "high", "status"), TABLE)
def test_max_judges_the_value_and_upper_the_bound(
    form: Form, limit: float, value: float, high: float, status: str
) -> None:
    verdict = judged(budget(form=form, limit=limit), number(value=value, upper=bound(high), samples=1000))

    assert verdict.status == status
    assert verdict.bound == high


@pytest.mark.parametrize(
    ("form", "value", "low", "status"),
    [("min", 33.0, 20.0, "pass"), ("min", 32.9, 32.0, "fail"), ("lower", 40.0, 33.1, "pass"),
     ("lower", 40.0, 32.0, "inconclusive"), ("lower", 30.0, 29.0, "fail")],
)  # fmt: skip
def test_min_and_lower_look_the_other_way(form: Form, value: float, low: float, status: str) -> None:
    limit = budget("sqnr", form, 33.0)

    assert judged(limit, number("sqnr", value, interval=both(low, 99), samples=90)).status == status


def test_a_bound_that_is_not_there_is_inconclusive() -> None:
    verdict = judged(budget(form="upper"), number(value=0.1, samples=3))

    assert verdict.status == "inconclusive"
    assert "too few" in verdict.why


def test_an_inconclusive_bound_says_how_many_samples_would_do() -> None:
    verdict = judged(budget(form="upper", limit=1.0), number(value=0.5, upper=bound(1.5), samples=300))

    # The bound is 1.0 away and 0.5 is allowed: half the distance takes four times the samples.
    assert "about 1,200 samples" in verdict.why


def test_a_number_below_its_floor_is_unproven_whatever_its_value() -> None:
    for value in (0.1, 99.0):
        verdict = judged(budget("latency.p50", limit=8.0), number("latency.p50", value, evidence="simulated"))
        assert verdict.status == "unproven"
        assert "simulated" in verdict.why
        assert "measured" in verdict.why


def test_an_unavailable_number_is_unproven_with_its_reason() -> None:
    gone = number("latency.p50", None, evidence="unavailable", why="raspberry-pi-5 cannot be reached from here.")

    verdict = judged(budget("latency.p50", limit=8.0), gone)

    assert (verdict.status, verdict.why) == ("unproven", "raspberry-pi-5 cannot be reached from here.")


def test_a_metric_without_a_value_is_inconclusive() -> None:
    verdict = judged(budget("night"), number("night", None, why="No sample has light: night."))

    assert (verdict.status, verdict.why) == ("inconclusive", "No sample has light: night.")


def test_a_quantity_that_nobody_measures_is_unproven() -> None:
    assert judged(budget("energy")).status == "unproven"


def test_a_contended_run_is_inconclusive_for_latency_alone() -> None:
    numbers = (number("latency.p50", 1.0, unit="ms"), number())

    assert judged(budget("latency.p50", limit=8.0), *numbers, contended="shared processor").status == "inconclusive"
    assert judged(budget("throughput", "min", 1.0), number("throughput", 9.0), contended="shared").status == (
        "inconclusive"
    )
    assert judged(budget(), *numbers, contended="shared processor").status == "pass"


def test_a_committed_latency_stands_beside_a_contended_run() -> None:
    verdict = judged(
        budget("latency.p50", limit=8.0), number("latency.p50", 1.0, protocol=COMMITTED), contended="shared"
    )

    assert verdict.status == "pass"


@pytest.mark.parametrize(("quantity", "needed"), [("latency.p90", 29), ("latency.p95", 59), ("latency.p99", 299)])
def test_a_percentile_needs_the_samples_of_wilks(quantity: str, needed: int) -> None:
    limit = budget(quantity, limit=8.0)

    assert judged(limit, number(quantity, 1.0, samples=needed)).status == "pass"
    few = judged(limit, number(quantity, 1.0, samples=needed - 1))
    assert few.status == "inconclusive"
    assert f"{needed} would do" in few.why


def test_a_ratio_is_judged_by_the_run_that_holds_both() -> None:
    source = CandidateFile(name="source", recipe="", measurements=(number("latency.p50", 1.0),))
    limit = budget("latency.p50", limit=0.7, relative=True)
    own = number("latency.p50", 0.9)

    verdict = judged(limit, own, ratio={"latency.p50": (0.65, 0.6, 0.72)}, source=source)

    assert (verdict.status, verdict.value, verdict.bound) == ("pass", 0.65, 0.72)
    assert "0.72 × source lies outside" in verdict.why
    assert judged(limit, own, ratio={"latency.p50": (0.71, 0.7, 0.72)}, source=source).status == "fail"


def test_latencies_of_two_runs_make_no_ratio() -> None:
    source = CandidateFile(name="source", recipe="", measurements=(number("latency.p50", 1.0),))

    verdict = judged(budget("latency.p50", limit=0.7, relative=True), number("latency.p50", 0.1), source=source)

    assert verdict.status == "inconclusive"


def test_a_size_is_held_against_the_source_itself() -> None:
    source = CandidateFile(name="source", recipe="", measurements=(number("size", 1000.0, unit="B"),))
    limit = budget("size", limit=0.4, relative=True)

    assert judged(limit, number("size", 390.0, unit="B"), source=source).status == "pass"
    assert judged(limit, number("size", 410.0, unit="B"), source=source).status == "fail"


def test_the_source_is_once_itself() -> None:
    source = CandidateFile(name="source", recipe="", measurements=(number("latency.p50", 1.0),))

    verdict = Bench([budget("latency.p50", limit=0.9, relative=True)], source=source).verdicts(source, "select")[0]

    assert (verdict.value, verdict.status) == (1.0, "fail")


def test_parity_is_about_the_conversion_whatever_ships() -> None:
    source = CandidateFile(name="source", recipe="", measurements=(number("parity", 1e-6, unit="1"),))

    verdict = judged(budget("parity", limit=1e-4), number("parity", 0.3, unit="1"), source=source)

    assert (verdict.status, verdict.value) == ("pass", 1e-6)


def test_another_shape_than_the_measured_one_is_unproven() -> None:
    limit = budget("latency.p50", limit=8.0, shape="long")

    assert judged(limit, number("latency.p50", 1.0), shape="short").status == "unproven"
    assert judged(limit, number("latency.p50", 1.0), shape="long").status == "pass"


def test_splits_are_told_apart() -> None:
    numbers = (number(value=0.1, split="select"), number(value=0.9, split="report"))
    file = CandidateFile(name="x", recipe="", measurements=numbers)
    bench = Bench([budget()])

    assert [bench.verdicts(file, split)[0].status for split in ("select", "report")] == ["pass", "fail"]


def test_margins_are_parts_of_the_limit() -> None:
    assert margin_of(budget(limit=8.0), 6.0) == pytest.approx(0.25)
    assert margin_of(budget(limit=8.0), 8.8) == pytest.approx(-0.1)
    assert margin_of(budget("sqnr", "min", 40.0), 44.0) == pytest.approx(0.1)
    assert margin_of(budget(limit=0.0), 0.2) == pytest.approx(-0.2)
    assert margin_of(budget(), math.inf) is None


def test_limits_and_numbers_read_as_a_person_writes_them() -> None:
    assert limit_words(budget(text="0.5 pp")) == "max 0.5 pp"
    assert limit_words(budget(form="upper", limit=1.5, text="1.5 pp")) == "upper 1.5 pp"
    assert limit_words(budget("latency.p50", limit=0.7, relative=True)) == "≤ 0.7 × source"
    assert words(111_900, "B") == "112 kB"
    assert words(0.25, "1") == "0.25"
    assert words(8.123, "ms") == "8.12 ms"


FORMS: tuple[Form, ...] = ("max", "min", "upper", "lower")
finite = st.floats(-1e6, 1e6)


@given(
    form=st.sampled_from(FORMS),
    limit=finite,
    wider=st.floats(0, 1e6),
    value=finite,
    spread=st.floats(0, 1e3),
    samples=st.integers(0, 5000),
    evidence=st.sampled_from(EVIDENCE),
)
def test_widening_a_budget_never_turns_a_pass_into_anything_else(
    form: Form, limit: float, wider: float, value: float, spread: float, samples: int, evidence: Any
) -> None:
    measured = number(
        "latency.p95", value, evidence=evidence, interval=both(value - spread, value + spread), samples=samples
    )
    more = limit + wider if form in ("max", "upper") else limit - wider
    tight, wide = (judged(budget("latency.p95", form, at), measured, floors=Floors()) for at in (limit, more))

    order = ["fail", "inconclusive", "unproven", "pass"]
    assert order.index(wide.status) >= order.index(tight.status)
    assert tight.status != "pass" or wide.status == "pass"


def test_an_artifact_as_near_to_the_source_as_the_source_to_itself_passes() -> None:
    def source(error: float) -> CandidateFile:
        numbers = (number("parity", error, unit="1"), number("parity.spread", 0.004, unit="1"))
        return CandidateFile(name="source", recipe="", measurements=numbers)

    limit = budget("parity", limit=1e-4)
    near, far = (judged(limit, number("parity", 0.3, unit="1"), source=source(error)) for error in (0.003, 0.005))

    assert near.status == "pass"
    assert near.why.endswith("The source itself differs by 0.004 where its own runtime does not optimise it.")
    assert far.status == "fail"
