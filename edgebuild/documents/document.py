"""A YAML file as plain values, each with the place where it was written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgebuild.errors import Problem, Span

Loc = tuple[str | int, ...]
"""Way from the top of a document to a value: keys and list positions."""

LONGEST = 200
"""Characters of a word, or of what is quoted, that a problem repeats; longer ones are shown by their beginning."""
LONG = (
    re.compile(rf"`([^`]{{100}})[^`]{{{LONGEST - 100},}}`"),
    re.compile(rf"([^`\s]{{100}})[^`\s]{{{LONGEST - 100},}}"),
)


@dataclass(frozen=True)
class Place:
    """Where one value of a document came from."""

    value: Span
    key: Span | None = None
    raw: str = ""
    """A plain scalar as typed; empty for the others."""
    folder: Path = Path()
    """Folder of the file it was written in; its relative paths start there."""
    via: Span | None = None
    """The alias that brought it here, where it was written elsewhere."""


@dataclass
class Document:
    """The content of a YAML file as plain values, with the place of each."""

    file: Path
    shown: str
    """The file as problems name it."""
    value: Any = None
    places: dict[Loc, Place] = field(default_factory=dict)
    traps: dict[Loc, list[Problem]] = field(default_factory=dict)
    """What YAML itself makes doubtful, by where it stands."""

    def place(self, loc: Loc) -> Place:
        """Of a value, or of the nearest one around it."""
        while loc and loc not in self.places:
            loc = loc[:-1]
        return self.places.get(loc) or Place(Span(self.shown, 1, 1), folder=self.file.parent)

    def problem(self, loc: Loc, what: str, fix: str = "", key: bool = False) -> Problem:
        """A problem at a value, or at its key; a mapping over several lines is shown by its key."""
        place = self.place(loc)
        span = place.key if place.key and (key or place.value.width == 0 or loc not in self.places) else place.value
        note = f" (used at line {place.via.line})" if place.via else ""
        span = replace(span, width=max(1, span.width))
        return Problem(quotable(dotted(loc)), quotable(what + note), quotable(fix), span)

    def put(self, loc: Loc, value: Any) -> None:
        """Set a value that exists already; what was below it loses its places."""
        parent = self.value
        for part in loc[:-1]:
            parent = parent[part]
        parent[loc[-1]] = value


def quotable(text: str) -> str:
    """Words for a terminal: nothing in them moves its cursor, and no key or text of the file's buries the rest."""
    shown = text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
    if len(shown) > LONGEST:
        shown = LONG[1].sub(r"\1…", LONG[0].sub(r"`\1…`", shown))
    return shown if len(shown) <= 10 * LONGEST else shown[: 10 * LONGEST] + "…"


def dotted(loc: Loc) -> str:
    """`candidates.slim.steps[0].quantize`."""
    text = ""
    for part in loc:
        name = part if isinstance(part, int) or len(part) <= LONGEST else f"{part[: LONGEST // 2]}…"
        text += f"[{name}]" if isinstance(name, int) else f".{name}" if text else name
    return text


def shown_name(file: Path) -> str:
    """A file as problems name it: relative where it lies below the current folder."""
    absolute = file.absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)
