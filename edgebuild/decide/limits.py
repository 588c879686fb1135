"""A number beside a limit: on which side it lies, by how much, and both in words."""

from __future__ import annotations

import math

from edgebuild.core.evidence import Measurement
from edgebuild.decide.budgets import Budget


def within(budget: Budget, value: float) -> bool:
    """Whether a value keeps the limit."""
    return value <= budget.limit if budget.form in ("max", "upper") else value >= budget.limit


def bound_of(budget: Budget, number: Measurement) -> float | None:
    """The one-sided bound a budget asks for, or that stands beside a point value."""
    upper = budget.form in ("max", "upper")
    if upper and number.upper is not None:
        return number.upper.high
    if number.interval is None:
        return None
    return number.interval.high if upper else number.interval.low


def margin_of(budget: Budget, value: float | None) -> float | None:
    """Room left in parts of the limit (of one unit, where the limit is 0); negative where it is broken."""
    if value is None or not math.isfinite(value):
        return None
    room = budget.limit - value if budget.form in ("max", "upper") else value - budget.limit
    return room / (abs(budget.limit) or 1.0)


def limit_words(budget: Budget) -> str:
    """A limit as a person reads it."""
    sign = "≤" if budget.form in ("max", "upper") else "≥"
    bound = f"{budget.form} " if budget.form in ("upper", "lower") else ""
    if budget.relative:
        return f"{bound}{sign} {budget.limit:g} × source"
    text = budget.text or f"{budget.limit:g} {budget.unit}".strip()
    return f"{budget.form} {text}"


def over(budget: Budget, value: float) -> str:
    """How far a value lies outside, in words."""
    margin = margin_of(budget, value) or 0.0
    side = "over" if budget.form in ("max", "upper") else "under"
    if not budget.limit:
        return f"{side} the limit of 0"
    return f"{percentage(-margin, 1)} {side} the limit"


def percentage(part: float, decimals: int = 0, sign: str = "-") -> str:
    """A part of one as `42 %`; `sign` as in format strings."""
    return f"{part:{sign}.{decimals}%}".replace("%", " %")


def words(value: float, unit: str) -> str:
    """A number with its unit, three digits."""
    if unit == "B":
        return bytes_words(value)
    return f"{value:.3g} {unit}" if unit not in ("1", "") else f"{value:.3g}"


def bytes_words(value: float) -> str:
    """Bytes in the decimal unit a person would use."""
    for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return f"{value:.0f} B"
