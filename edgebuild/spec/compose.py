"""Several files and a matrix as one document: `extends`, `${env:…}`, `matrix`."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgebuild.documents import Document, Loc, neighbours, read, scalar
from edgebuild.errors import Problem, SpecError, did_you_mean
from edgebuild.spec.check import Checker

REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
ENVIRONMENT = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
EXPANDED = ("targets", "budgets")
"""Sections in which `${axis}` of the matrix stands."""

MAX_EXPANSIONS = 500


def compose(file: Path) -> tuple[Document, list[Problem], tuple[str, ...]]:
    """A spec with all it extends, its environment filled in; the problems; the files it was read from.

    Raises:
        SpecError: a file cannot be read as YAML at all, or extends itself.
    """
    checker_problems: list[Problem] = []
    files: list[str] = []
    document = _with_bases(file.absolute(), (), checker_problems, files)
    return document, checker_problems, tuple(files)


def _with_bases(file: Path, above: tuple[Path, ...], problems: list[Problem], files: list[str]) -> Document:
    document = read(file)
    if str(file) not in files:
        files.append(str(file))
    checker = Checker(document)
    fill(checker, (), _environment)
    bases = document.value.pop("extends", None)
    merged: Document | None = None
    for loc, base in _names(checker, bases):
        path = file.parent / base
        if path.resolve() in (*above, file.resolve()):
            chain = " → ".join(item.name for item in (*above, file.resolve(), path.resolve()))
            checker.say(loc, f"extends itself: {chain}.", "Remove one of these `extends`.")
        elif not path.is_file():
            near = did_you_mean(path.name, neighbours(path, (".yaml", ".yml")))
            checker.say(loc, f"there is no file `{base}`{near or '.'}", "Paths start in this file's folder.")
        else:
            found = _with_bases(path, (*above, file.resolve()), problems, files)
            merged = overlaid(merged, found) if merged else found
    problems.extend(checker.problems)
    if checker.problems and bases is not None and not checker.sound("extends"):
        raise SpecError(*problems)
    return overlaid(merged, document) if merged else document


def _names(checker: Checker, bases: Any) -> Iterator[tuple[Loc, str]]:
    if bases is None:
        return
    if isinstance(bases, str):
        yield ("extends",), bases
    elif isinstance(bases, list) and bases and all(isinstance(item, str) for item in bases):
        yield from ((("extends", index), item) for index, item in enumerate(bases))
    else:
        checker.say(("extends",), "must be a path or a list of paths.", "Write `extends: base.edge.yaml`.")


def overlaid(base: Document, own: Document) -> Document:
    """`own` over `base`: maps merge, lists and values replace, null removes what the base has."""
    result = Document(own.file, own.shown, base.value, base.places | {(): own.places[()]}, dict(base.traps))
    _overlay(result, own, ())
    result.traps |= own.traps
    return result


def _overlay(result: Document, own: Document, loc: Loc) -> None:
    target, source = _at(result.value, loc), _at(own.value, loc)
    for key, value in source.items():
        here = (*loc, key)
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            result.places[here] = own.places[here]
            _overlay(result, own, here)
            continue
        _forget(result, here)
        # A null among the budgets of a target also removes what a glob gives it; it is kept for that.
        if value is None and key in target and not (loc[:1] == ("budgets",) and len(loc) == 2):
            del target[key]
            continue
        target[key] = value
        result.places |= {place: found for place, found in own.places.items() if place[: len(here)] == here}


def _forget(document: Document, loc: Loc) -> None:
    for table in (document.places, document.traps):
        for place in [place for place in table if place[: len(loc)] == loc]:
            del table[place]


def _at(value: Any, loc: Loc) -> Any:
    for part in loc:
        value = value[part]
    return value


def fill(checker: Checker, loc: Loc, known: Callable[[str], Any]) -> None:
    """Replace references in all texts below a place.

    Args:
        checker: whose document is changed.
        loc: where to begin.
        known: content of `${…}` to its value; None leaves it alone, a `Missing` is a problem.
    """
    document = checker.document
    document_value = _at(document.value, loc)
    items = document_value.items() if isinstance(document_value, dict) else enumerate(document_value)
    for key, value in list(items):
        here = (*loc, key)
        if isinstance(value, str) and "${" in value:
            filled, missing = substituted(value, known)
            for item in missing:
                checker.say(here, item.what, item.fix)
            document.put(here, filled)
        elif isinstance(value, dict | list) and not (not loc and str(key).startswith("x-")):
            fill(checker, here, known)


class Missing:
    """Nothing is known by that name."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix


def substituted(text: str, known: Callable[[str], Any]) -> tuple[Any, list[Missing]]:
    """A text with its references replaced; one that is all of the text keeps the type of its value."""
    missing: list[Missing] = []

    def replacement(match: re.Match[str]) -> str:
        if match.group(0) == "$${":
            return match.group(0)
        value = known(match.group(1))
        if isinstance(value, Missing):
            missing.append(value)
        return match.group(0) if value is None or isinstance(value, Missing) else f"{value}"

    whole = REFERENCE.fullmatch(text)
    if whole and whole.group(1) is not None:
        value = known(whole.group(1))
        if isinstance(value, Missing):
            return text, [value]
        return (text if value is None else value), []
    return REFERENCE.sub(replacement, text), missing


def _environment(name: str) -> Any:
    if not name.startswith("env:"):
        return None
    found = ENVIRONMENT.fullmatch(name)
    if found is None:
        return Missing(f"`${{{name}}}` is no variable.", "Write `${env:NAME}` or `${env:NAME:-default}`.")
    variable = found.group(1)
    default: str | None = found.group(2)
    text = os.environ.get(variable, default)
    if text is None:
        fix = f"Set it, or give a default: `${{env:{variable}:-…}}`."
        return Missing(f"the environment variable `{variable}` is not set.", fix)
    value, doubt, _ = scalar(text)
    return text if doubt else value


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
            axes = [axis for axis in _mentioned(name, entries[name]) if axis in matrix]
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


def _mentioned(name: str, value: Any) -> list[str]:
    text = f"{name}\0{value}"
    return list(dict.fromkeys(match.group(1) for match in REFERENCE.finditer(text) if match.group(1) is not None))


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


def _copied(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {str(substituted(key, values.get)[0]): _copied(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item, values) for item in value]
    return substituted(value, values.get)[0] if isinstance(value, str) else value


def leftovers(checker: Checker, axes: list[str]) -> None:
    """Every reference that is still there matches nothing; `$${` becomes `${`."""

    def unknown(name: str) -> Any:
        if name.startswith("env:"):
            # Said when it was looked up.
            return None
        if name in axes:
            return Missing(
                f"`${{{name}}}` of the matrix stands in `targets` and `budgets` only.", "Write the value out."
            )
        near = did_you_mean(name, [*axes, "env:NAME"])
        known = ", ".join(f"`${{{axis}}}`" for axis in axes) or "`${env:NAME}`"
        return Missing(f"`${{{name}}}` matches nothing{near or '.'}", f"Known: {known}.")

    for section in EXPANDED:
        for name in list(checker.document.value.get(section) or ()):
            for match in REFERENCE.finditer(str(name)):
                if match.group(1) is not None:
                    missing = unknown(match.group(1))
                    if missing is not None:
                        checker.say((section, name), missing.what, missing.fix, key=True)
    fill(checker, (), unknown)
    _unescape(checker.document.value)


def _unescape(value: Any) -> None:
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(item, str) and "$${" in item:
            value[key] = item.replace("$${", "${")
        elif isinstance(item, dict | list):
            _unescape(item)
