"""What libyaml says of a file that is no YAML, in words for its author."""

from __future__ import annotations

import re
from typing import Any

from edgebuild.documents.tree import LINE_ENDS, printable
from edgebuild.errors import Problem, Span

SYNTAX = (
    ("mapping values are not allowed", "a second `: ` stands in one value.", 'Put a text with ": " in quotes.'),
    ("expected ',' or ']'", "the `[` of line {line} is not closed before this.", "Add `,` or `]`."),
    ("expected ',' or '}'", "the `{{` of line {line} is not closed before this.", "Add `,` or `}`."),
    ("could not find expected ':'", "a key without `: `.", "Write `key: value`, with a space after the colon."),
    ("did not find expected key", "the indentation fits no line above.", "Indent keys of one mapping alike."),
    ("did not find expected '-'", "the indentation fits no line above.", "Begin every item of the list with `-`."),
    ("did not find expected node", "a value is missing before this.", "Write it, or remove the comma or bracket."),
    ("unexpected end of stream", "the quote that opens here is not closed.", "Close it."),
    ("unknown escape character", "this backslash means nothing in double quotes.", "Use single quotes, or `\\\\`."),
    ("directive", "a line that begins with `%` is a directive to YAML.", "Remove it, or put the text in quotes."),
)
"""Part of what libyaml says; what to say instead, with the line where the enclosing thing begins; the fix."""

AT_THE_START = ("unexpected end", "could not find expected ':'")
"""Where libyaml points behind the mistake, and to its beginning as the context."""

KEY = re.compile(r"\s*[^\s:#][^:#]*:")


def syntax_problem(error: Any, text: str, shown: str) -> Problem:
    """The problem behind an error of libyaml."""
    lines = LINE_ENDS.split(text)
    if getattr(error, "problem_mark", None) is None:
        return character_problem(error, text, shown)
    mark, words, context = error.problem_mark, str(error.problem), error.context_mark
    if context is not None and any(part in words for part in AT_THE_START):
        mark = context
    row = min(mark.line, len(lines) - 1)
    line = lines[row]
    span = Span(shown, row + 1, mark.column + 1, 1, printable(line))
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        span = Span(shown, row + 1, indent.index("\t") + 1, 1, printable(line))
        return Problem("", "a tab indents this line; YAML indents with spaces.", "Use spaces.", span)
    if "cannot start any token" in words and mark.column < len(line):
        return Problem("", f"`{line[mark.column]}` cannot begin a value.", "Put the value in quotes.", span)
    if "mapping values" in words and KEY.fullmatch(line[: mark.column + 1]):
        # Deeper than the text above, the line continues that text.
        span = Span(shown, row + 1, len(indent) + 1, mark.column - len(indent), printable(line))
        fix = "Indent keys of one mapping alike."
        return Problem("", "this key is indented deeper than the one above, which has a value already.", fix, span)
    for part, what, fix in SYNTAX:
        if part in words:
            return Problem("", what.format(line=(context or mark).line + 1), fix, span)
    return Problem("", f"no YAML: {words}.", "Correct the line.", span)


def character_problem(error: Any, text: str, shown: str) -> Problem:
    """A character that YAML does not have."""
    position = getattr(error, "position", 0)
    before = LINE_ENDS.split(text[:position])
    line = LINE_ENDS.split(text)[len(before) - 1]
    span = Span(shown, len(before), len(before[-1]) + 1, 1, printable(line))
    code = text[position : position + 1]
    what = f"the control character U+{ord(code):04X} is not allowed." if code else "no YAML."
    return Problem("", what, "Remove it.", span)
