"""Quantities as people write them."""

from __future__ import annotations

import pytest

from edgebuild.documents.quantities import Quantity, QuantityError, fraction, quantity, seconds


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("8ms", "ms", 8.0), ("8 ms", "ms", 8.0), ("0.5 s", "ms", 500.0), ("750 us", "ms", 0.75), ("1e-3 s", "ms", 1.0),
        ("2MB", "B", 2e6), ("2 MiB", "B", 2 * 1024.0**2), ("500 kB", "B", 5e5), ("0.5 pp", "pp", 0.5),
        ("99 %", "%", 99.0), ("5 mJ", "mJ", 5.0), ("400/s", "/s", 400.0), ("20 min", "s", 1200.0),
        ("90 d", "s", 7776e3), ("0.75", "1", 0.75), (3, "1", 3.0), ("2 dB", "dB", 2.0), ("1.5 deg", "deg", 1.5),
    ],
)  # fmt: skip
def test_a_quantity_is_read_in_its_canonical_unit(text: str, unit: str, value: float) -> None:
    assert quantity(text, unit).value == pytest.approx(value)


@pytest.mark.parametrize("text", ["0.7x", "0.7 x", "0.7×"])
def test_a_ratio_is_to_the_source(text: str) -> None:
    assert quantity(text, "ms", ratio=True) == Quantity(0.7, relative=True, text=text)


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        (8, "ms", "has no unit"),
        ("8 MS", "ms", "did you mean `ms`"),
        ("8 mss", "ms", "did you mean"),
        ("8 MB", "ms", "no unit of this quantity"),
        ("0.7x", "ms", "has no meaning here"),
        ("fast", "ms", "must be a quantity like"),
        ("1e999 ms", "ms", "too large"),
        (True, "ms", "got true"),
        ([8], "ms", "got a list"),
        ("1 pp", "1", "percentage points"),
    ],
)
def test_what_is_none_says_why(text: object, unit: str, words: str) -> None:
    with pytest.raises(QuantityError, match=words):
        quantity(text, unit)


def test_durations_and_parts() -> None:
    assert seconds("1.5 h") == 5400.0
    assert fraction("3 %") == pytest.approx(0.03)
    with pytest.raises(QuantityError, match="below 100 %"):
        fraction(3)
    with pytest.raises(QuantityError, match="longer than 0"):
        seconds("0 s")
