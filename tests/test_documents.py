"""YAML with the place of every key and value."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.documents import parse, write
from edgebuild.errors import SpecError

FILE = Path("x.yaml")


def test_every_key_and_value_has_its_place() -> None:
    document = parse("a: 1\nb:\n  - {c: two}\n", FILE)
    assert document.value == {"a": 1, "b": [{"c": "two"}]}
    span = document.place(("b", 0, "c")).value
    assert (span.line, span.column, span.width) == (3, 9, 3)


def test_columns_count_characters_and_not_bytes() -> None:
    span = parse('"ä": {größe: 1}\n', FILE).place(("ä", "größe")).value
    assert (span.line, span.column) == (1, 14)


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("-7", -7), ("1.5", 1.5), ("1e3", 1000.0), ("~", None), ("true", True)]
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert parse(f"a: {text}\n", FILE).value["a"] == value


@pytest.mark.parametrize("text", ["no", "on", "010", "1:30", "2026-11-24", "1_000", "0x1F"])
def test_what_readers_disagree_on_is_a_doubt_and_stays_a_text(text: str) -> None:
    document = parse(f"a: {text}\n", FILE)
    assert document.value["a"] == text
    assert document.traps[("a",)]


def test_quotes_end_all_doubt() -> None:
    document = parse("a: \"no\"\nb: '010'\n", FILE)
    assert document.value == {"a": "no", "b": "010"}
    assert not document.traps


def test_what_is_written_reads_back() -> None:
    value = {"a": ["no", "1.20", None, 3], "ü": {"b": 0.25}}
    assert parse(write(value), FILE).value == value


def test_what_is_no_yaml_is_told_with_its_line() -> None:
    with pytest.raises(SpecError) as caught:
        parse("a: 1\nb: [1, 2\nc: 3\n", FILE)
    assert caught.value.problems[0].span is not None
