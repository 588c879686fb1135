"""One test for each rule of choosing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebuild.core.dossier import CandidateFile
from edgebuild.core.evidence import Measurement, Status, Verdict
from edgebuild.core.wires import Refusal
from edgebuild.decide.budgets import Term
from edgebuild.decide.choice import Choice, Rules, choose

P50 = Term(direction="minimize", quantity="latency.p50", tie=0.03)
SIZE = Term(direction="minimize", quantity="size")
ACCURACY = Term(direction="maximize", quantity="accuracy")


def verdict(status: Status, margin: float | None = None) -> Verdict:
    return Verdict(budget="all.q", quantity="q", limit="max 1", status=status, margin=margin)


def file(
    name: str,
    ratio: float | None = 1.0,
    size: float = 1000.0,
    status: Status = "pass",
    *,
    spread: float = 0.005,
    margin: float | None = None,
    accuracy: float = 90.0,
    **fields: Any,
) -> CandidateFile:
    def at(quantity: str, value: float | None, unit: str, **more: Any) -> Measurement:
        return Measurement(quantity=quantity, value=value, unit=unit, evidence="measured", **more)

    return CandidateFile(
        name=name,
        recipe="",
        measurements=(
            at("latency.p50", ratio, "ms"),
            at("size", size, "B"),
            at("accuracy", accuracy, "%", better="higher", split="select"),
        ),
        ratio={} if ratio is None else {"latency.p50": (ratio, ratio - spread, ratio + spread)},
        verdicts=(verdict(status, margin),),
        **fields,
    )


def refused(name: str, **fields: Any) -> CandidateFile:
    return CandidateFile(
        name=name, recipe="", refusal=Refusal(kind="rejected", by="tool", why="no such operator"), **fields
    )


def chosen(*files: CandidateFile, **rules: Any) -> Choice:
    return choose(files, Rules(**rules))


def test_the_default_objective_is_latency_then_size() -> None:
    assert chosen(file("source"), file("fast", 0.6), file("small", 0.9, 10)).name == "fast"


def test_a_candidate_that_fails_a_budget_is_out() -> None:
    assert chosen(file("source"), file("fast", 0.6, status="fail")).name == "source"


def test_within_a_tie_the_next_term_decides() -> None:
    files = (file("source"), file("a", 0.60, 900), file("b", 0.615, 100))

    assert chosen(*files, objective=(P50, SIZE)).name == "b"
    assert chosen(*files, objective=(P50.model_copy(update={"tie": 0.0}), SIZE), dead_band=0.0).name == "a"


def test_the_dead_band_widens_a_tie_of_latencies() -> None:
    files = (file("source"), file("a", 0.60, 900), file("b", 0.64, 100))

    assert chosen(*files, objective=(P50, SIZE)).name == "a"
    assert chosen(*files, objective=(P50, SIZE), dead_band=0.1).name == "b"


def test_the_dead_band_is_about_latency_alone() -> None:
    files = (file("source"), file("a", accuracy=90.0), file("b", accuracy=91.0, size=9000))

    assert chosen(*files, objective=(ACCURACY,), dead_band=0.1).name == "b"


def test_within_a_tie_the_locked_choice_stays() -> None:
    files = (file("source"), file("a", 0.60, 100), file("b", 0.615, 900))

    choice = chosen(*files, incumbent="b")

    assert choice.name == "b"
    assert "`b` stays: it is locked" in choice.decisions[-1]


def test_the_locked_choice_stays_while_the_intervals_meet() -> None:
    files = (file("source"), file("a", 0.60, spread=0.05), file("b", 0.65, spread=0.05))

    assert chosen(*files, incumbent="b").name == "b"
    assert chosen(*files).name == "a"


def test_the_locked_choice_is_left_for_what_is_surely_better() -> None:
    assert chosen(file("source"), file("a", 0.5), file("b", 0.6), incumbent="b").name == "a"


def test_the_locked_choice_does_not_stay_once_it_fails() -> None:
    assert chosen(file("source"), file("a", 0.60), file("b", 0.60, status="fail"), incumbent="b").name == "a"


def test_a_term_without_a_value_is_skipped_for_the_whole_target() -> None:
    choice = chosen(file("source", size=50), file("a", None, 900), file("b", 0.5, 100))

    assert choice.name == "source"
    assert "`minimize: latency.p50` was skipped: `a` has no value" in choice.notes[0]


def test_a_contended_run_orders_nothing() -> None:
    choice = chosen(file("source"), file("a", 0.5, 900), file("b", 0.9, 100), contended="the processor was shared")

    assert choice.name == "b"
    assert "the processor was shared" in choice.notes[0]


def test_the_locked_choice_stays_where_a_contended_run_orders_nothing() -> None:
    files = (file("source", size=1000), file("dyn", 2.24, 100))

    choice = chosen(*files, contended="the processor was shared", incumbent="source")

    assert choice.name == "source"
    assert choice.decisions[-1] == "`source` stays: it is locked, and latency.p50 cannot be compared now."


def test_the_locked_choice_stays_where_a_candidate_could_not_be_timed_this_time() -> None:
    files = (file("source", size=1000), file("dyn", None, 100))

    assert chosen(*files, due="the runner died by SIGKILL.", incumbent="source").name == "source"
    assert chosen(*files, incumbent="source").name == "dyn"


def test_the_locked_choice_does_not_outlast_a_term_that_was_decided_before_the_contended_one() -> None:
    files = (file("source", size=1000), file("a", 0.5, 100))

    assert chosen(*files, objective=(SIZE, P50), contended="shared", incumbent="source").name == "a"


def test_the_locked_choice_does_not_stay_in_a_contended_run_once_it_fails() -> None:
    files = (file("source"), file("a", 0.5, status="fail"))

    assert chosen(*files, contended="shared", incumbent="a").name == "source"


def test_never_slower_than_the_source_while_that_meets_every_budget() -> None:
    slow = file("slow", 1.2, 10, spread=0.01)
    by_size = (P50.model_copy(update={"tie": 0.5}), SIZE)

    barred = chosen(file("source"), slow, objective=by_size)
    assert barred.name == "source"
    assert "1.20 × the source's (at least 1.1" in barred.barred["slow"]

    assert chosen(file("source", status="fail"), slow, objective=by_size).name == "slow"
    assert chosen(file("source", status="unproven"), slow, objective=by_size).name == "slow"


def test_a_candidate_is_not_barred_while_its_interval_touches_the_dead_band() -> None:
    maybe = file("maybe", 1.05, 10, spread=0.03)

    assert chosen(file("source"), maybe, objective=(P50.model_copy(update={"tie": 0.5}), SIZE)).name == "maybe"


def test_slower_candidates_are_not_barred_where_latency_is_not_the_first_objective() -> None:
    assert chosen(file("source"), file("slow", 2.0, 10), objective=(SIZE, P50)).name == "slow"


def test_a_contended_run_bars_nobody() -> None:
    choice = chosen(file("source"), file("slow", 2.0, 10), contended="shared")

    assert choice.barred == {}
    assert choice.name == "slow"


def test_choose_pins_a_candidate_whatever_its_verdicts() -> None:
    files = (file("source"), file("slow", 2.0, status="fail"))

    assert chosen(*files, choose="slow").name == "slow"


def test_a_pinned_candidate_that_was_refused_leaves_nothing() -> None:
    choice = chosen(file("source"), refused("w8a8"), choose="w8a8")

    assert (choice.name, choice.nearest) == (None, None)
    assert "choose: w8a8" in choice.decisions[0]


def test_nothing_made_is_no_choice() -> None:
    assert chosen(refused("source"), refused("int8")) == Choice(None, None, ("No candidate could be made.",))


def test_nothing_eligible_names_the_nearest_miss_and_its_margin() -> None:
    choice = chosen(
        file("source", status="fail", margin=-0.5), file("a", 0.5, status="fail", margin=-0.1), refused("b")
    )

    assert (choice.name, choice.nearest) == (None, "a")
    assert "`a` comes nearest and misses q by 10.0 %" in choice.decisions[-1]


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [("pass", "unproven", "a"), ("unproven", "pass", "b"), ("unproven", "inconclusive", "a"),
     ("inconclusive", "unproven", "b"), ("inconclusive", "fail", "a"), ("unproven", "unproven", "b")],
)  # fmt: skip
def test_proven_is_preferred_to_unproven_to_inconclusive(first: Status, second: Status, winner: str) -> None:
    files = (file("source", status="fail"), file("a", 0.6, status=first), file("b", 0.5, status=second))

    assert chosen(*files).name == winner


def test_candidates_of_one_size_fall_to_the_fewer_changes() -> None:
    files = (file("slim", 0.6), file("plain", 0.6), file("last", 0.6))

    choice = chosen(*files, objective=(P50,), changes={"slim": 2, "plain": 1, "last": 3})

    assert choice.name == "plain"
    assert "`plain` has the fewest changes" in choice.decisions[-1]


def test_equal_candidates_fall_to_the_smaller_then_to_the_first() -> None:
    assert chosen(file("source"), file("a", 1.0, 900), objective=(P50,)).name == "a"
    assert chosen(file("source"), file("a"), objective=(P50,)).name == "source"


def test_a_better_and_negative_value_is_best() -> None:
    drop = Term(direction="minimize", quantity="accuracy")

    assert chosen(file("source", accuracy=0.5), file("a", accuracy=-0.5), objective=(drop,)).name == "a"


STATUS: st.SearchStrategy[Status] = st.sampled_from(("pass", "fail", "inconclusive", "unproven"))
candidates = st.lists(st.tuples(st.floats(0.1, 3), st.integers(1, 5), STATUS, st.floats(-1, 0)), min_size=1, max_size=6)
names = st.permutations(["alpha", "beta", "gamma", "delta", "zeta", "a0"])


@given(rows=candidates, one=names, other=names, held=st.integers(-1, 5))
def test_renaming_candidates_never_changes_the_choice(rows: Any, one: Any, other: Any, held: int) -> None:
    def row_of(labels: list[str]) -> tuple[int | None, int | None]:
        labels = ["source", *labels]
        files = [file(labels[i], r, float(s), v, margin=m) for i, (r, s, v, m) in enumerate(rows)]
        incumbent = labels[held] if 0 <= held < len(files) else None
        choice = choose(files, Rules(incumbent=incumbent))
        return tuple(labels.index(name) if name else None for name in (choice.name, choice.nearest))  # type: ignore[return-value]

    assert row_of(one) == row_of(other)
