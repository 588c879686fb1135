"""`matrix`: `targets` and `budgets` written out for each value of its axes."""

from __future__ import annotations

import itertools
from typing import Any

from edgebuild.documents import Loc
from edgebuild.errors import did_you_mean
from edgebuild.spec.check import Checker
from edgebuild.spec.references import Missing, fill, mentioned, substituted, unescape

EXPANDED = ("targets", "budgets")
"""Sections in which `${axis}` of the matrix stands."""

MAX_EXPANSIONS = 500


def expand(checker: Checker) -> None:
    """Write out `targets` and `budgets` for each value of the matrix; `matrix` is gone afterwards."""
    document = checker.document
    matrix = _axes(checker)
    used: set[str] = set()
    for section in EXPANDED:
        entries = document.value.get(section)
        if not isinstance(entries, dict):
            continue
        for name in list(entries):
            axes = [axis for axis in mentioned(name, entries[name]) if axis in matrix]
            used.update(axes)
            if axes:
                _expand_entry(checker, (section, name), {axis: matrix[axis] for axis in axes})
        document.value[section] = {name: entries[name] for name in entries}
    for axis in matrix:
        if axis not in used and checker.sound("matrix", axis):
            fix = f"Write `${{{axis}}}` in `targets` or `budgets`, or remove it."
            checker.say(("matrix", axis), f"nothing in `targets` or `budgets` mentions `${{{axis}}}`.", fix, key=True)


def _axes(checker: Checker) -> dict[str, list[Any]]:
    matrix = checker.document.value.pop("matrix", None)
    if matrix is None:
        return {}
    if not isinstance(matrix, dict):
        checker.say(("matrix",), "must be a mapping of names to lists.", "Write `matrix: {board: [a, b]}`.")
        return {}
    axes = {}
    for axis, values in matrix.items():
        if not isinstance(values, list) or not values or any(isinstance(item, dict | list) for item in values):
            checker.say(("matrix", axis), "must be a list of texts or numbers.", "Write `board: [a, b]`.")
        elif len(set(map(str, values))) < len(values):
            checker.say(("matrix", axis), "names a value twice.", "Keep one of them.")
        axes[axis] = values if isinstance(values, list) else []
    return axes


def _expand_entry(checker: Checker, loc: Loc, axes: dict[str, list[Any]]) -> None:
    document = checker.document
    entries = document.value[loc[0]]
    body, place = entries.pop(loc[1]), document.places[loc]
    below = {item[2:]: found for item, found in document.places.items() if item[:2] == loc}
    combinations = list(itertools.islice(itertools.product(*axes.values()), MAX_EXPANSIONS + 1))
    if len(combinations) > MAX_EXPANSIONS:
        checker.say(("matrix",), f"gives more than {MAX_EXPANSIONS} combinations.", "Give fewer values.")
        return
    for combination in combinations:
        values = dict(zip(axes, combination, strict=True))
        name = str(substituted(str(loc[1]), values.get)[0])
        here = (loc[0], name)
        document.places |= {(*here, *item): found for item, found in below.items()} | {here: place}
        if name in entries:
            words = " ".join(f"${{{axis}}}" for axis in axes)
            checker.say(here, f"the matrix gives `{name}` more than once.", f"Put {words} into its name.", key=True)
            continue
        entries[name] = _copied(body, values)
        checker.copies[here] = loc


def _copied(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {str(substituted(key, values.get)[0]): _copied(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item, values) for item in value]
    return substituted(value, values.get)[0] if isinstance(value, str) else value


def leftovers(checker: Checker, axes: list[str]) -> None:
    """Every reference that is still there matches nothing; `$${` becomes `${`."""

    def unknown(name: str) -> Missing | None:
        if name.startswith("env:"):
            # Said when it was looked up.
            return None
        if name in axes:
            what = f"`${{{name}}}` of the matrix stands in `targets` and `budgets` only."
            return Missing(what, "Write the value out.")
        near = did_you_mean(name, [*axes, "env:NAME"])
        known = ", ".join(f"`${{{axis}}}`" for axis in axes) or "`${env:NAME}`"
        return Missing(f"`${{{name}}}` matches nothing{near or '.'}", f"Known: {known}.")

    for section in EXPANDED:
        entries = checker.document.value.get(section)
        for name in list(entries) if isinstance(entries, dict) else ():
            for missing in filter(None, map(unknown, mentioned(name))):
                checker.say((section, name), missing.what, missing.fix, key=True)
    fill(checker, (), unknown)
    unescape(checker.document.value)
