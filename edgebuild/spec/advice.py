"""What a user should know before any run: samples that a bound needs."""

from __future__ import annotations

from edgebuild.decide.budgets import Budget
from edgebuild.metrics.intervals import samples_needed
from edgebuild.spec.records import Spec


def advice(spec: Spec) -> list[str]:
    """A sentence for each bound: how many samples it takes, how many the report split asks for."""
    have = spec.data.splits["report"].count
    seen: dict[str, Budget] = {}
    for budgets in spec.budgets.values():
        for budget in budgets:
            if budget.form == "upper" and budget.unit == "pp":
                seen.setdefault(f"{budget.quantity} {budget.limit}", budget)
    return [sentence(budget, have) for budget in seen.values()]


def sentence(budget: Budget, have: int | None) -> str:
    """`accuracy.drop upper 1.5 pp: …`."""
    low, high = samples_needed(budget.limit)
    enough = "" if have is None else f"; the report split asks for {have:,}"
    short = ", too few unless the two models hardly differ" if have is not None and have < low else ""
    return f"{budget.typed} upper {budget.text}: takes about {low:,} to {high:,} samples to prove{enough}{short}."
