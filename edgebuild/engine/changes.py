"""The parts of two keys that differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edgebuild.engine.keys import Parts

SEEN = {
    "file": "file",
    "exists": "presence of",
    "link": "presence of",
    "names": "names in",
    "modules": "modules in",
    "dist": "package",
    "module": "module",
    "env": "variable",
    "day": "date",
    "content": "machine file",
}
"""Kind of what user code was seen to read, to its word for a person (see `seen.Seen`)."""
NEVER = None
"""Stands for a part that one of the two does not have."""


@dataclass(frozen=True)
class Change:
    """One part of a key that differs."""

    part: str
    """`parameter`, `input`, `tool`, `platform`, `version` or `kind`; of what was seen to be read one of `SEEN`."""
    name: str
    """Path of the field, name of the tool, path of the file; an input with the name of the step behind it."""
    old: Any
    new: Any

    def words(self) -> str:
        """For a person: `parameter separator: '+' → '-'`."""
        return f"{self.part} {self.name}: {_short(self.old)} → {_short(self.new)}"


def differences(old: Parts, new: Parts, inputs: dict[str, str]) -> tuple[Change, ...]:
    """The parts that differ, in the order of the new key.

    Args:
        old: parts of a key.
        new: the same, of another time.
        inputs: path of each wire in the parameters, to the name of the step behind it.
    """
    before, after = dict(_flat(old)), dict(_flat(new))
    changes = []
    for place in dict.fromkeys([*after, *before]):
        if before.get(place, NEVER) != after.get(place, NEVER):
            part, name = place
            if part == "input" and name in inputs:
                name = f"{name} ({inputs[name]})"
            changes.append(Change(part, name, before.get(place, NEVER), after.get(place, NEVER)))
    return tuple(changes)


def _flat(parts: Parts) -> Iterator[tuple[tuple[str, str], Any]]:
    for name, value in parts.items():
        if name == "parameters":
            yield from _flat_value(value, "")
        elif name == "inputs":
            yield from ((("input", place), digest) for place, digest in value.items())
        elif name == "tools":
            yield from ((("tool", tool), version) for tool, version in value.items())
        elif name == "platform":
            yield from ((("platform", key), item) for key, item in value.items())
        elif name == "seen":
            yield from ((_seen(place), said) for place, said in value)
        else:
            yield (name, ""), value


def _seen(place: str) -> tuple[str, str]:
    kind, _, name = place.partition(":")
    number, slash, below = name.partition("/")
    # The folder of the first user code is the spec's own, which needs no name.
    return SEEN.get(kind, kind), below if slash and number == "0" else name


def _flat_value(value: Any, place: str) -> Iterator[tuple[tuple[str, str], Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _flat_value(item, f"{place}.{name}" if place else name)
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from _flat_value(item, f"{place}[{number}]")
    else:
        yield ("parameter", place), value


def _short(value: Any) -> str:
    if value is NEVER:
        return "none"
    text = str(value)
    head, colon, rest = text.partition(":")
    if colon and len(rest) == 64:
        return f"{head}:{rest[:12]}…"
    return repr(value) if len(text) < 60 else repr(text[:57]) + "…"
