"""A YAML file as plain values, each with the place where it was written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgebuild.errors import Problem, Span

Loc = tuple[str | int, ...]
"""Way from the top of a document to a value: keys and list positions."""


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
        return Problem(dotted(loc), what + note, fix, replace(span, width=max(1, span.width)))

    def put(self, loc: Loc, value: Any) -> None:
        """Set a value that exists already; what was below it loses its places."""
        parent = self.value
        for part in loc[:-1]:
            parent = parent[part]
        parent[loc[-1]] = value


def dotted(loc: Loc) -> str:
    """`candidates.slim.steps[0].quantize`."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown_name(file: Path) -> str:
    """A file as problems name it: relative where it lies below the current folder."""
    absolute = file.absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)
