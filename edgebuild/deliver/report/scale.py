"""Values → places on a line, and the round numbers to write beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LOG_FROM = 6.0
"""A quotient of the greatest to the least value above which a linear axis crowds the small ones."""

REACH = 2.5
"""A budget may stretch an axis to so many times the span of the data; one farther out is only named at the edge."""


@dataclass(frozen=True)
class Scale:
    """One axis: values from `low` to `high` lie between the pixels `start` and `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value, inside the axis."""
        low, high, value = (math.log(max(item, 1e-300)) if self.log else item for item in (self.low, self.high, value))
        part = (value - low) / (high - low)
        return self.start + min(1.0, max(0.0, part)) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        """Whether a value lies on the axis."""
        return self.low <= value <= self.high

    def ticks(self, about: int = 6) -> list[tuple[float, str]]:
        """Round values on the axis with their words, about so many."""
        values = decades(self.low, self.high) if self.log else steps(self.low, self.high, about)
        if self.log and len(values) > 9:
            values = [value for value in values if leading(value) == 1] or values[::3]
        return [(value, text) for value, text in zip(values, texts(values), strict=True)]


def scale_of(values: Sequence[float], limits: Sequence[float], start: float, end: float, linear: bool = False) -> Scale:
    """The axis for some values, with room around them, and for those limits that are near enough.

    Args:
        values: that must be seen.
        limits: that may be.
        start: of the axis on the page.
        end: of the axis on the page.
        linear: for decibels, which are logarithms already, and for parts of a whole.
    """
    low, high = min(values), max(values)
    log = not linear and low > 0 and high / low > LOG_FROM
    if log:
        near = [limit for limit in limits if low / REACH <= limit <= high * REACH]
        low, high = min(low, *near, low), max(high, *near, high)
        room = (high / low) ** 0.07
        return Scale(low / room, high * room, start, end, log=True)
    size = (high - low) or abs(high) * 0.1 or 1.0
    near = [limit for limit in limits if low - (REACH - 1) * size <= limit <= high + (REACH - 1) * size]
    low, high = min(low, *near, low), max(high, *near, high)
    room = ((high - low) or size) * 0.09
    return Scale(low - room if low < 0 or low > room else 0.0, high + room, start, end)


def steps(low: float, high: float, about: int) -> list[float]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten between two values."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 times each power of ten between two values."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [value for value in found if low <= value <= high]


def leading(value: float) -> int:
    """The first digit."""
    return int(f"{value:.0e}"[0])


def texts(values: Sequence[float]) -> list[str]:
    """Values in words; those of a linear axis with equally many decimals."""
    if not values:
        return []
    if len(values) > 1 and min(values) > 0 and max(values) / min(values) >= LOG_FROM:
        return [f"{value:.12g}" if value < 10_000 else f"{value:,.0f}" for value in values]
    decimals = max((len(f"{value:.6g}".partition(".")[2]) for value in values), default=0)
    return [f"{value:,.{decimals}f}" for value in values]
