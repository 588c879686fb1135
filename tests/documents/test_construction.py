"""Nodes as values: aliases, merges, duplicates, places."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.documents import Document, parse
from edgebuild.errors import SpecError


def read(text: str) -> Document:
    return parse(text, Path("x.yaml"))


def doubts(document: Document) -> list[str]:
    return [problem.what for found in document.traps.values() for problem in found]


def test_every_key_and_value_has_its_place() -> None:
    document = read("a: 1\nb:\n  - {c: two}\n")
    assert document.value == {"a": 1, "b": [{"c": "two"}]}
    span = document.place(("b", 0, "c")).value
    assert (span.line, span.column, span.width) == (3, 9, 3)


def test_columns_count_characters_and_not_bytes() -> None:
    span = read('"ä": {größe: 1}\n').place(("ä", "größe")).value
    assert (span.line, span.column) == (1, 14)


def test_quotes_end_all_doubt() -> None:
    document = read("a: \"no\"\nb: '010'\nc: !!str 1:30\n")
    assert document.value == {"a": "no", "b": "010", "c": "1:30"}
    assert not document.traps


def test_own_keys_win_over_merged_ones_and_the_first_merged_over_the_next() -> None:
    document = read("p: &p {x: 1, y: 1}\nq: &q {x: 2, y: 2, z: 2}\nr: {<<: [*p, *q], x: 3}\n")
    assert document.value["r"] == {"x": 3, "y": 1, "z": 2}


def test_what_an_alias_brings_is_shown_where_it_was_written_and_says_where_it_is_used() -> None:
    document = read("p: &p {x: wrong}\n\nr: *p\n")
    problem = document.problem(("r", "x"), "is wrong.")
    assert problem.span is not None
    assert (problem.span.line, problem.what) == (1, "is wrong. (used at line 3)")


def test_a_duplicate_key_keeps_the_first_value_and_says_where_it_stands() -> None:
    document = read("a: 1\nb: 2\na: 3\n")
    assert document.value == {"a": 1, "b": 2}
    assert doubts(document) == ["the key `a` stands here twice; the first is at line 1."]


def test_a_version_stays_as_it_was_typed() -> None:
    document = read("version: 1.20\nother: 1.20\n")
    assert document.value == {"version": "1.20", "other": 1.2}
    assert len(doubts(document)) == 1


def test_notes_of_the_users_own_are_not_doubted() -> None:
    assert not read("x-notes: {a: no, a: 010}\n").traps


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("? [a]\n: 1\n", "a key must be a text"),
        ("? \n: 1\n", "a key must be a text"),
        ("a: {<<: 3}\n", "merges mappings only"),
        ("on: 1\n", "truth value"),
        ("a: !!python/name:os.system x\n", "has no meaning here"),
    ],
)
def test_what_is_doubtful_is_noted(text: str, words: str) -> None:
    assert any(words in what for what in doubts(read(text)))


def test_an_alias_bomb_is_answered_before_it_goes_off() -> None:
    rows = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(SpecError, match="aliases expand to more than"):
        read("\n".join(rows))
