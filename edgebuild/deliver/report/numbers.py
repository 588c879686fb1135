"""Numbers as a reader meets them: with unit and interval, no more digits than they are worth."""

from __future__ import annotations

import re

from edgebuild.core.dossier import Dossier
from edgebuild.core.evidence import Interval, Measurement
from edgebuild.decide.budgets import family
from edgebuild.decide.limits import percentage

NOTHING = "–"

PATH = re.compile(r"(?:[A-Za-z]:)?(?:[/\\\\][\w.@+~-]+)*[/\\\\]([\w@+~-][\w.@+~-]*\.[A-Za-z]\w{1,7})\b")
"""An absolute path to a file with a suffix; names of graph nodes begin with a slash too, but have none."""

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, unit: str, with_unit: bool = True) -> str:
    """A value with its unit.

    Bytes in kB or MB; percentages to a hundredth, which is one sample in ten thousand; three digits of the others.
    """
    if value is None:
        return NOTHING
    if unit == "B":
        name, size = byte_unit(value)
        text = f"{value / size:#.3g}".removesuffix(".") if size > 1 else f"{value:.0f}"
        return f"{text} {name}" if with_unit else text
    text = digits(value, unit)
    if not with_unit or unit in ("", "1", "ratio"):
        return text
    return f"{text} {unit}"


def digits(value: float, unit: str) -> str:
    """The number alone."""
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "-∞"
    if unit in ("%", "pp"):
        return f"{value + 0.0:.2f}".replace("-0.00", "0.00")
    if unit == "dB":
        return f"{value:.1f}"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size and size < 1e-3:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPT)}"
    return f"{value:#.3g}".removesuffix(".") if value and value != round(value) else f"{value:.3g}"


def byte_unit(value: float) -> tuple[str, float]:
    """The decimal unit a person would use, and its size."""
    return next((item for item in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if abs(value) >= item[1]), ("B", 1.0))


def interval(bounds: Interval | None, unit: str) -> str:
    """`0.0498 – 0.0500`, `≤ 0.52` for a one-sided bound, "" where there is none or it is no wider than the digits."""
    if bounds is None or (bounds.low is None and bounds.high is None):
        return ""
    if unit == "B" and bounds.high is not None and bounds.low is not None:
        name, size = byte_unit(bounds.high)
        return interval(bounds.model_copy(update={"low": bounds.low / size, "high": bounds.high / size}), name)
    if bounds.low is None:
        return f"≤ {number(bounds.high, unit, with_unit=False)}"
    if bounds.high is None:
        return f"≥ {number(bounds.low, unit, with_unit=False)}"
    low, high = (number(bound, unit, with_unit=False) for bound in (bounds.low, bounds.high))
    return f"{low} – {high}" if low != high else ""


def times(value: float) -> str:
    """A quotient to the source: `0.55 ×`."""
    return f"{value:.2f} ×" if value < 9.995 else f"{value:.1f} ×"


def percent(part: float | None) -> str:
    """A signed part of one as a percentage: `+42 %`; a tenth of a per cent where it is small."""
    if part is None:
        return NOTHING
    return percentage(part, 1 if abs(part) < 0.1 else 0, "+")


def metrics_of(dossier: Dossier) -> tuple[str, ...]:
    """Names of the metrics, in the order of the spec."""
    names: dict[str, None] = {}
    for file in dossier.candidates:
        for item in file.measurements:
            plain = "@" not in item.quantity and not item.quantity.endswith((".drop", ".worst_class_drop"))
            if item.split and plain and family(item.quantity) != "parity":
                names[item.quantity] = None
    return tuple(names)


def known(found: Measurement | None) -> bool:
    """Whether there is a number."""
    return found is not None and found.value is not None


def line(text: str) -> str:
    """Words of a tool in one line: nothing in them is a tag, and files are named without their folders."""
    return PATH.sub(r"\1", " ".join(text.split())).replace("<", "&lt;")


def cell(text: str) -> str:
    """Words that stay inside one cell of a table."""
    return line(text).replace("|", "\\|")


def code(text: str) -> str:
    """A name as code, in a cell too."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{' '.join(text.split()).replace('|', chr(92) + '|')}{fence}"


def device_words(device: str) -> str:
    """A device in a sentence."""
    return "this machine" if device == "here" else device
