"""Decisions and refusals as sentences."""

from __future__ import annotations

from edgebuild.core.dossier import Account
from edgebuild.decide.budgets import Budget
from edgebuild.decide.choice import Rules
from edgebuild.decide.words import accounts, counted, refusals, why_choice
from tests.decide.dossiers import candidate, candidates, dossier, refused


def test_a_rejection_quotes_its_tool_and_what_does_not_apply_is_one_line() -> None:
    files = (
        candidate("source", ""),
        refused("dyn", ""),
        refused("pal6", "", "not applicable"),
        refused("pal4", "", "not applicable"),
        refused("w8a8", "", "failed", required=True),
    )

    lines = refusals(files)

    assert len(lines) == 3
    assert lines[0].startswith(
        "`dyn` was rejected by onnxruntime 1.32.0 quantize_dynamic: ValueError: no node of a type"
    )
    assert "Fix: Leave `dynamic` out" in lines[0]
    assert lines[1] == "`w8a8` failed this time by engine: the converter died by SIGSEGV. It is required."
    assert lines[2] == "Not applicable here: `pal6` and `pal4`: palette6 weights have no ONNX operator."


def test_integers_that_pay_are_not_explained_and_those_that_do_not_are() -> None:
    integers = Account(integer_ops=3, float_ops=6, conversions=12, words="INT8 gained nothing because 6 convolutions …")
    floats = Account(float_ops=9)
    files = (
        candidate("fast", "", ratio=0.6, account=integers),
        candidate("slow", "", ratio=1.4, account=integers),
        candidate("half", "", ratio=1.2, account=floats),
        candidate("bare", "", ratio=1.0, account=integers.model_copy(update={"words": ""})),
    )

    assert accounts(files) == [
        "`slow` takes 1.40 × the source's time: INT8 gained nothing because 6 convolutions …",
        f"`bare` takes 1.00 × the source's time: {counted(integers)}",
    ]
    assert counted(integers).startswith("3 of 9 heavy operators run on integer kernels, and 12 conversions")


def spent(integer: float, floating: float, conversions: float, other: float) -> dict[str, float]:
    return {"integer": integer, "float": floating, "conversions": conversions, "other": other}


def test_a_profile_tells_whether_the_kernels_are_slow_or_what_lies_around_them() -> None:
    source = Account(float_ops=9, times=spent(0, 170, 0, 10))
    slow = Account(integer_ops=9, words="All fused.", times=spent(230, 0, 8, 12))
    torn = Account(integer_ops=9, words="All fused.", times=spent(90, 0, 70, 40))
    quick = Account(integer_ops=9, words="All fused.", times=spent(90, 0, 8, 12))
    untold = Account(integer_ops=9, words="All fused.")
    files = (candidate("source", "", account=source),)
    files += tuple(
        candidate(name, "", ratio=1.2, account=account)
        for name, account in (("slow", slow), ("torn", torn), ("quick", quick), ("untold", untold))
    )

    lines = accounts(files)

    assert lines[0] == (
        "`slow` takes 1.20 × the source's time: All fused. By the profiler its heavy operators take 230 µs and all "
        "else 20 µs, 8 µs of it conversions; the source's take 170 µs and 10 µs: the heavy operators themselves are "
        "not faster."
    )
    assert lines[1].endswith("170 µs and 10 µs: what the heavy operators gain is lost around them.")
    assert lines[2].endswith("170 µs and 10 µs."), "the profile does not say why"
    assert lines[3].endswith("All fused.")


def test_why_names_what_barred_whom() -> None:
    accuracy = Budget(typed="all.accuracy", quantity="accuracy", form="min", limit=90.0, unit="%", text="90 %")

    lines = why_choice(dossier(budgets=(accuracy,)))

    assert any(line.startswith("`float16` is barred: its latency.p50 is 1.22 × the source's") for line in lines)
    assert any("`int8` has the lowest latency.p50; the next, `source`, is 47 % above it." in line for line in lines)


def test_why_says_that_nothing_ships_and_what_came_nearest() -> None:
    never = Budget(typed="here.size", quantity="size", form="max", limit=100_000, unit="B", text="100 kB")

    lines = why_choice(dossier(budgets=(never,)))

    assert lines[0] == "here ships nothing."
    assert "No candidate meets every budget on `select`; `int8` comes nearest and misses size by 12.0 %." in lines
    assert "On `report`, `int8`:" in lines


def test_why_says_which_terms_were_skipped_and_who_is_locked() -> None:
    close = (*candidates()[:1], candidate("a", "", ratio=0.6, size=90_000), candidate("b", "", ratio=0.61, size=80_000))

    held = why_choice(dossier(files=close, rules=Rules(incumbent="a")))
    noisy = why_choice(dossier(files=close, rules=Rules(contended="the processor was shared.")))

    assert any("`a` stays: it is locked, and `b` ties with it in latency.p50." in line for line in held)
    assert noisy[-1] == "`minimize: latency.p50` was skipped: the timing run does not count: the processor was shared."
