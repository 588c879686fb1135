"""A spec and all it extends as one document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgebuild.documents import Document, Loc, neighbours, read
from edgebuild.errors import Problem, SpecError, did_you_mean
from edgebuild.spec.check import Checker
from edgebuild.spec.files import findable
from edgebuild.spec.references import environment, fill, substituted


def compose(file: Path) -> tuple[Document, list[Problem], tuple[str, ...]]:
    """A spec with all it extends, its environment filled in; the problems; the files it was read from.

    Raises:
        SpecError: a file cannot be read as YAML at all, is not there, or extends itself.
    """
    problems: list[Problem] = []
    files: list[str] = []
    document = _with_bases(file.absolute(), (), problems, files)
    return document, problems, tuple(files)


def extended(file: Path) -> list[Path]:
    """The files that a spec extends; none where it cannot be read."""
    try:
        document = read(file)
    except SpecError:
        return []
    names = [substituted(name, environment)[0] for _, name in _names(Checker(document), document.value.get("extends"))]
    found = [findable(file.parent, name) for name in names]
    return [path.resolve() for path in found if path]


def _with_bases(file: Path, above: tuple[Path, ...], problems: list[Problem], files: list[str]) -> Document:
    document = read(file)
    if str(file) not in files:
        files.append(str(file))
    checker = Checker(document)
    fill(checker, (), environment, typed=True)
    merged: Document | None = None
    for loc, name in _names(checker, document.value.pop("extends", None)):
        path = _base(checker, loc, file, name, above)
        if path is not None:
            found = _with_bases(path, (*above, file.resolve()), problems, files)
            merged = overlaid(merged, found) if merged else found
    problems.extend(checker.problems)
    if not checker.sound("extends"):
        # Whatever else is missing may stand in the base.
        doubts = [doubt for found in document.traps.values() for doubt in found]
        raise SpecError(*sorted([*doubts, *problems], key=_line))
    return overlaid(merged, document) if merged else document


def _line(problem: Problem) -> int:
    return problem.span.line if problem.span else 0


def _names(checker: Checker, written: Any) -> Iterator[tuple[Loc, str]]:
    if isinstance(written, str):
        yield ("extends",), written
    elif isinstance(written, list) and written and all(isinstance(item, str) for item in written):
        yield from ((("extends", index), item) for index, item in enumerate(written))
    elif written is not None:
        checker.say(("extends",), "must be a path or a list of paths.", "Write `extends: base.edge.yaml`.")


def _base(checker: Checker, loc: Loc, file: Path, name: str, above: tuple[Path, ...]) -> Path | None:
    path = findable(file.parent, name)
    chain = (*above, file.resolve())
    if path and path.resolve() in chain:
        words = " → ".join(item.name for item in (*chain[chain.index(path.resolve()) :], path.resolve()))
        checker.say(loc, f"the spec extends itself: {words}.", "Remove one of these `extends`.")
        return None
    if path and path.is_file():
        return path
    others = [item for item in neighbours(path, (".yaml", ".yml")) if path.parent / item != file] if path else []
    near = did_you_mean(path.name if path else name, others) or "."
    checker.say(loc, f"there is no file `{name}`{near}", "Paths start in the folder of the file they stand in.")
    return None


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
