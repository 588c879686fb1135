"""`sweep:` in a stage of a candidate: one candidate for each value, a curve of them."""

from __future__ import annotations

import re
from itertools import product
from math import prod
from typing import Any

from edgebuild.documents import Loc
from edgebuild.spec.check import Checker
from edgebuild.spec.words import got_words

SWEEP = "sweep"
MOST = 16
"""Candidates of one entry."""
LONG = 40
"""Letters of a value in a name."""

Swept = dict[Loc, dict[str, list[Any]]]
"""Place of a stage to the values of its keys."""


def swept(checker: Checker, loc: Loc, entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The entry without `sweep`, once for each combination of values, by what is put behind the candidate's name.

    `{prune: {sweep: {keep: [0.75, 0.5]}}}` is `{"": …}` for none and `{".keep-0.75": …, ".keep-0.5": …}` here. Nothing
    where a sweep is not well written; that is said.
    """
    found: Swept = {}
    for path, options in stages(entry):
        if SWEEP in options and not read(checker, (*loc, *path), path, options, found):
            return {}
    if not found:
        return {"": entry}
    axes = [(path, key, values) for path, keys in found.items() for key, values in keys.items()]
    if (count := prod(len(values) for _, _, values in axes)) > MOST:
        checker.say(loc, f"sweeps over {count} candidates.", f"At most {MOST} are made of one entry.", key=True)
        return {}
    made: dict[str, dict[str, Any]] = {}
    for chosen in product(*(values for _, _, values in axes)):
        plain = copied(entry)
        for (path, key, _), value in zip(axes, chosen, strict=True):
            options = reached(plain, path)
            options.pop(SWEEP, None)
            options[key] = value
        suffix = "".join(f".{key}-{worded(value)}" for (_, key, _), value in zip(axes, chosen, strict=True))
        if suffix in made:
            what = f"two values of its sweep would both be called `{suffix[1:]}`."
            checker.say(loc, what, "Write them as candidates of their own.", key=True)
            return {}
        made[suffix] = plain
    return made


def worded(value: Any) -> str:
    """A value as part of a candidate's name: `30-min`, `models-a.keras`."""
    return re.sub(r"[^a-z0-9.]+", "-", str(value).lower()).strip("-.")[:LONG] or "0"


def stages(entry: dict[str, Any]) -> list[tuple[Loc, dict[str, Any]]]:
    """Mappings that belong to a stage, with their place in the entry."""
    found: list[tuple[Loc, dict[str, Any]]] = [
        ((key,), value) for key, value in entry.items() if isinstance(value, dict)
    ]
    for index, item in enumerate(entry["steps"] if isinstance(entry.get("steps"), list) else ()):
        if isinstance(item, dict):
            found += [(("steps", index, key), value) for key, value in item.items() if isinstance(value, dict)]
    return found


def read(checker: Checker, loc: Loc, path: Loc, options: dict[str, Any], found: Swept) -> bool:
    """Whether the sweep of one stage is well written; its values go to `found`."""
    given = options[SWEEP]
    if not isinstance(given, dict) or not given:
        what = f"must be a mapping from a key to its values, got {got_words(given)}."
        checker.say((*loc, SWEEP), what, "Write `sweep: {keep: [0.75, 0.5]}`.")
        return False
    for key, values in given.items():
        place = (*loc, SWEEP, key)
        if key in options:
            checker.say(place, f"`{key}` stands beside the sweep too.", "Remove one of them.", key=True)
            return False
        plain = isinstance(values, list) and all(isinstance(item, str | int | float) for item in values)
        if not plain or not values or len({str(item) for item in values}) < len(values):
            what = f"must be a list of different words or numbers, got {got_words(values)}."
            checker.say(place, what, f"Write `{key}: [A, B]`.")
            return False
    found[path] = given
    return True


def copied(value: Any) -> Any:
    """Mappings and lists anew, all else as it is."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def reached(value: Any, path: Loc) -> dict[str, Any]:
    """What stands at a place."""
    for part in path:
        value = value[part]
    found: dict[str, Any] = value
    return found
