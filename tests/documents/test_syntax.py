"""What is no YAML, told where the mistake is."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.documents import parse
from edgebuild.errors import SpecError


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, 2, "the `[` of line 2 is not closed"),
        ("a: 1\nb: {c: 2\nd: 3\n", 3, 2, "the `{` of line 2 is not closed"),
        ("a: b: c\n", 1, 5, "a second `: ` stands in one value"),
        ("a: text\n  b: 1\n", 2, 3, "indented deeper than the one above"),
        ("a: 1\nb 2\nc: 3\n", 2, 1, "a key without `: `"),
        ("a: 1\nb:2\nc: 3\n", 2, 1, "a key without `: `"),
        ('a: "text\nb: 1\n', 1, 4, "the quote that opens here is not closed"),
        ("a:\n\tb: 1\n", 2, 1, "a tab indents this line"),
        ("a: @b\n", 1, 4, "`@` cannot begin a value"),
        ("a: %b\n", 1, 4, "`%` cannot begin a value"),
        ('a: "\\m"\n', 1, 5, "this backslash means nothing"),
        ("a: \x07\n", 1, 4, "the control character U+0007"),
        ("a:\n  b: 1\n c: 2\n", 3, 2, "the indentation fits no line above"),
        ("a: *b\n", 1, 4, "no anchor `&b`"),
        ("a: &a [*a]\n", 1, 8, "stands inside its own value"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document starts here"),
        ("a: " + "[" * 70 + "]" * 70, 1, 63, "is nested deeper than 60 levels"),
        ("- a\n", 1, 1, "must hold keys with values, got a list"),
        ("# nothing\n", 1, 1, "the file is empty"),
        ("~\n", 1, 1, "the file is empty"),
    ],
)
def test_a_mistake_is_told_where_it_is_made(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, Path("x.yaml"))
    (problem,) = caught.value.problems
    assert problem.span is not None
    assert words in problem.what
    assert (problem.span.line, problem.span.column) == (line, column)
    assert problem.fix
