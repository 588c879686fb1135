"""Numbers as a reader meets them: with unit and interval, no more digits than they are worth."""

from __future__ import annotations

from edgebuild.core.dossier import Dossier
from edgebuild.core.evidence import Interval, Measurement
from edgebuild.decide.verdicts import bytes_words

NOTHING = "–"

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, unit: str, with_unit: bool = True) -> str:
    """A value with its unit.

    Bytes in kB or MB; percentages to a hundredth, which is one sample in ten thousand; three digits of the others.
    """
    if value is None:
        return NOTHING
    if unit == "B":
        return bytes_words(value)
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
    return f"{value:.3g}"


def interval(bounds: Interval | None, unit: str) -> str:
    """`0.0498 – 0.0500`, `≤ 0.52` for a one-sided bound, "" where there is none."""
    if bounds is None or (bounds.low is None and bounds.high is None):
        return ""
    if bounds.low is None:
        return f"≤ {number(bounds.high, unit, with_unit=False)}"
    if bounds.high is None:
        return f"≥ {number(bounds.low, unit, with_unit=False)}"
    low, high = (number(bound, unit, with_unit=False) for bound in (bounds.low, bounds.high))
    return f"{low} – {high}"


def times(value: float) -> str:
    """A quotient to the source: `0.55 ×`."""
    return f"{value:.2f} ×" if value < 9.995 else f"{value:.1f} ×"


def percent(part: float | None) -> str:
    """A signed part of one as a percentage: `+42 %`; a tenth of a per cent where it is small."""
    if part is None:
        return NOTHING
    return f"{part:+.1%}".replace("%", " %") if abs(part) < 0.1 else f"{part:+.0%}".replace("%", " %")


def metrics_of(dossier: Dossier) -> tuple[str, ...]:
    """Names of the metrics, in the order of the spec."""
    names: dict[str, None] = {}
    for file in dossier.candidates:
        for item in file.measurements:
            plain = "@" not in item.quantity and not item.quantity.endswith((".drop", ".worst_class_drop"))
            if item.split and plain and item.quantity.split(".")[0] != "parity":
                names[item.quantity] = None
    return tuple(names)


def known(found: Measurement | None) -> bool:
    """Whether there is a number."""
    return found is not None and found.value is not None


def cell(text: str) -> str:
    """Text that stays inside one cell of a table: no line breaks, no bars, no tags."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def code(text: str) -> str:
    """Text as code, whatever it contains."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{cell(text).replace('&lt;', '<')}{fence}"


def device_words(device: str) -> str:
    """A device in a sentence."""
    return "this machine" if device == "here" else device
