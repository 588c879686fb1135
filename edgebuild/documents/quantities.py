"""Quantities as people write them, in the units that numbers have inside edgebuild."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from edgebuild.errors import did_you_mean

UNITS: dict[str, dict[str, float]] = {
    "ms": {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3, "min": 60e3, "h": 3600e3},
    "s": {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0},
    "B": {
        "B": 1.0,
        **{f"{prefix}B": 1000.0**power for power, prefix in enumerate(("k", "M", "G"), 1)},
        "KB": 1000.0,
        **{f"{prefix}iB": 1024.0**power for power, prefix in enumerate(("K", "M", "G"), 1)},
    },
    "mJ": {"nJ": 1e-6, "uJ": 1e-3, "µJ": 1e-3, "μJ": 1e-3, "mJ": 1.0, "J": 1e3, "Wh": 3.6e6, "mWh": 3.6e3},
    "mW": {"uW": 1e-3, "µW": 1e-3, "μW": 1e-3, "mW": 1.0, "W": 1e3},
    "/s": {"/s": 1.0, "/ s": 1.0, "per s": 1.0, "Hz": 1.0, "/min": 1 / 60, "per min": 1 / 60, "fps": 1.0},
    "°C": {"°C": 1.0, "C": 1.0, "degC": 1.0},
    "1": {"": 1.0, "%": 0.01},
    "%": {"%": 1.0},
    "pp": {"pp": 1.0},
}
"""Canonical unit to the units it may be written in, each with its factor."""

EXAMPLES = {
    "ms": ("ms", "s"),
    "s": ("s", "min", "h", "d"),
    "B": ("kB", "MB", "MiB"),
    "mJ": ("mJ", "J"),
    "mW": ("mW", "W"),
    "/s": ("/s",),
    "°C": ("°C",),
    "%": ("%",),
    "pp": ("pp",),
}
"""The units somebody who wrote a bare number is likely to mean."""

QUANTITY = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*(\S.*)?")
RATIO_SIGNS = ("x", "X", "×")


@dataclass(frozen=True)
class Quantity:
    """A number in its canonical unit."""

    value: float
    relative: bool = False
    """A ratio to the source: `0.7x`."""
    text: str = ""
    """As typed."""


class QuantityError(ValueError):
    """A text is no quantity of that unit; its words say why, `fix` what to write."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.fix = fix


def quantity(value: Any, unit: str, ratio: bool = False) -> Quantity:
    """A quantity as typed.

    Args:
        value: `8 ms`, `0.7x`, `2MiB`, or a bare number.
        unit: the canonical unit it shall have; any text a metric calls its unit.
        ratio: whether a ratio to the source is fine too.

    Raises:
        QuantityError: no quantity, another unit, or a bare number of something with a unit.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise QuantityError(f"must be a quantity like `{example('8', unit)}`, got {kind_of(value)}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise QuantityError(f"must be finite, got {value}.", "Leave it out where nothing limits it.")
    typed = f"{value:g}" if isinstance(value, float) else f"{value}".strip()
    found = QUANTITY.fullmatch(typed)
    if found is None:
        raise QuantityError(f"must be a quantity like `{example('8', unit)}`, got the text `{typed[:60]}`.")
    number, sign = float(found.group(1)), (found.group(2) or "").strip()
    if number in (float("inf"), float("-inf")):
        raise QuantityError(f"`{typed[:60]}` is too large a number.", "Leave it out where nothing limits it.")
    if sign in RATIO_SIGNS:
        if not ratio:
            raise QuantityError(f"`{typed}` is a ratio to the source, which has no meaning here.", likely(number, unit))
        return Quantity(number, relative=True, text=typed)
    units = UNITS.get(unit, {unit: 1.0})
    if sign in units:
        return Quantity(number * units[sign], text=typed)
    if not sign:
        what = f"{typed} has no unit." if unit in UNITS else f"{typed} has no unit; the metric's is `{unit}`."
        raise QuantityError(what, likely(number, unit, ratio))
    raise QuantityError(*_wrong_unit(typed, number, sign, unit, ratio))


def _wrong_unit(typed: str, number: float, sign: str, unit: str, ratio: bool) -> tuple[str, str]:
    units = [name for name in UNITS.get(unit, {unit: 1.0}) if name]
    if sign == "pp":
        what = f"`{typed}` is in percentage points, which only a metric with the unit `%` loses"
        return f"{what}; this one is {_kind(unit)}.", likely(number, unit, ratio)
    near = did_you_mean(sign, units)
    # Units differ by case alone: `MS`, `mib`.
    folded = next((name for name in units if name.lower() == sign.lower()), "")
    hint = f"; did you mean `{folded}`?" if folded else near
    known = ", ".join(f"`{name}`" for name in units) or "none: write the number alone"
    return f"`{sign}` is no unit of this quantity{hint or '.'}", f"Its units: {known}."


def _kind(unit: str) -> str:
    return "a plain number" if unit == "1" else f"in `{unit}`"


def kind_of(value: Any) -> str:
    """What stands in place of a quantity."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return "a list" if isinstance(value, list) else "a mapping"


def example(number: str, unit: str) -> str:
    """`8 ms`."""
    names = EXAMPLES.get(unit, ("" if unit == "1" else unit,))
    return f"{number} {names[0]}".strip()


def likely(number: float, unit: str, ratio: bool = False) -> str:
    """What a bare number may have meant."""
    names = EXAMPLES.get(unit, ("" if unit == "1" else unit,))
    if unit == "B" and number >= 10_000:
        names = ("B", "kB")
    options = [f"`{_digits(number)} {name}`".replace(" `", "`") for name in names]
    if (unit == "%" and 0 < number <= 1) or (unit == "pp" and 0 < number < 0.1):
        options.insert(0, f"`{number * 100:g} {unit}`")
    if ratio and 0 < number < 10 and unit != "%":
        options.append(f"`{number:g}x` (a ratio to the source)")
    return f"Write {', '.join(options[:-1])}{' or ' if len(options) > 1 else ''}{options[-1]}."


def _digits(number: float) -> str:
    return f"{number:.0f}" if number == number // 1 and abs(number) < 1e15 else f"{number:g}"


def seconds(value: Any) -> float:
    """A duration: `20 min`, `90 d`. Raises: QuantityError: none, or not above 0."""
    return _duration(value, "s")


def milliseconds(value: Any) -> float:
    """A short duration: `32 ms`. Raises: QuantityError: none, or not above 0."""
    return _duration(value, "ms")


def _duration(value: Any, unit: str) -> float:
    found = quantity(value, unit).value
    if found <= 0:
        raise QuantityError("must be longer than 0.")
    return found


def fraction(value: Any) -> float:
    """A relative amount: `3 %` or `0.03`.

    Raises:
        QuantityError: neither, below 0, or a bare number of 1 and more.
    """
    found = quantity(value, "1")
    if found.value < 0 or found.value >= 1:
        number = QUANTITY.fullmatch(found.text)
        digits = number.group(1) if number else found.text
        raise QuantityError(f"must be below 100 %, got {found.text}.", f"Write `{digits} %`.")
    return found.value
