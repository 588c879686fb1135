"""Values against records, with what pydantic found put into sentences at the place where it stands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from edgebuild.documents import Document, Loc
from edgebuild.errors import Problem, did_you_mean
from edgebuild.spec.not_yet import VALUES, later_keys
from edgebuild.spec.words import SHORTHANDS, choices_of, expectation, fitting, fix_at, got_words, meaning, mend, near

R = TypeVar("R", bound=BaseModel)


class Checker:
    """Gathers the problems of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.bad: set[Loc] = set()
        """Places that have a problem."""
        self.later: set[Loc] = set()
        """Keys whose work has not come; nothing below them is judged."""
        self.copies: dict[Loc, Loc] = {}
        """Entries that a matrix wrote out, to the entry they were made from; what is wrong in all is said once."""
        self.models: dict[str, Path] = {}
        """Model files that stages of candidates name."""
        self._said: set[tuple[Loc, bool, str]] = set()

    def say(self, loc: Loc, what: str, fix: str = "", key: bool = False) -> None:
        """Note a problem: the first of a key or value, unless YAML's own doubt about the same word says enough."""
        self.bad.add(loc)
        original = self.copies.get(loc[:2])
        said = (original + loc[2:], key, what) if original else (loc, key, "")
        if said in self._said:
            return
        self._said.add(said)
        problem = self.document.problem(loc, what, fix, key)
        if problem.span not in [trap.span for trap in self.document.traps.get(loc, ())]:
            self.problems.append(problem)

    def sound(self, *loc: str | int) -> bool:
        """Whether nothing at or below a place is wrong."""
        return not any(bad[: len(loc)] == loc for bad in (*self.bad, *self.document.traps))

    def record(self, model: type[R], value: Any, loc: Loc = ()) -> R | None:
        """A record of a value; None, and the problems noted, where it is none."""
        try:
            # JSON and strict: `"4"` is no number and 1 is no truth value, but a list may be a tuple.
            return model.model_validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            self.translate(error, model, value, loc)
            return None

    def translate(self, error: ValidationError, model: type[BaseModel], value: Any, loc: Loc) -> None:
        """Each error as a sentence; alternatives of one place as one."""
        grouped: dict[tuple[Loc, bool], list[Any]] = {}
        for item in error.errors(include_url=False, include_input=False):
            where, is_key = located(item["loc"], value, item["type"])
            grouped.setdefault((where, is_key), []).append(item)
        guessed: set[Loc] = set()
        for (where, is_key), items in sorted(
            grouped.items(), key=lambda entry: entry[1][0]["type"] != "extra_forbidden"
        ):
            if any(len(other) > len(where) and other[: len(where)] == where for other, _ in grouped):
                continue  # An alternative that does not fit at all, beside one that nearly does.
            if items[0]["type"] == "extra_forbidden":
                guess = self.unknown(where, section_at(model, where[:-1]), loc)
                if guess:
                    guessed.add((*where[:-1], guess))
            elif items[0]["type"] == "missing":
                if where not in guessed:
                    self.missing(where, section_at(model, where[:-1]), loc)
            else:
                self.wrong(items, where, is_key, (value, section_at(model, where)), loc)

    def unknown(self, where: Loc, section: type[BaseModel] | None, loc: Loc) -> str:
        """A key that a section has not; returns the key that was meant, where one is near."""
        known = keys_of(section) if section else []
        return self.unknown_key((*loc, *where), known, later_keys(section) if section else {})

    def unknown_key(self, loc: Loc, known: Sequence[str], later: Mapping[str, tuple[str, str]] | None = None) -> str:
        """See `unknown`, for sections that are no record."""
        key = str(loc[-1])
        if later and key in later:
            self.later.add(loc)
            self.not_yet(loc, *later[key], key=True)
            return ""
        hint = near(key, [*known, *(later or ())])
        names = ", ".join(f"`{name}`" for name in known)
        fix = f"Known here: {names}." if names and not hint else ""
        self.say(loc, f"unknown key `{key}`{hint or '.'}", fix, key=True)
        return hint.partition("`")[2].partition("`")[0]

    def not_yet(self, loc: Loc, what: str, instead: str, key: bool = False) -> None:
        """A word of the language whose work has not come."""
        self.say(loc, f"not yet: this release does not support {what}.", instead, key)

    def missing(self, where: Loc, section: type[BaseModel] | None, loc: Loc) -> None:
        """A key that must be there."""
        self.say((*loc, *where), "is missing.", meaning(section, str(where[-1])))

    def wrong(
        self, items: list[Any], where: Loc, is_key: bool, about: tuple[Any, type[BaseModel] | None], loc: Loc
    ) -> None:
        """A value that a field cannot take; `about` is the whole value, and the record wanted at this place."""
        given = str(where[-1]) if is_key else at(about[0], where)
        place = (*loc, *where)
        choices = [choice for item in items for choice in choices_of(item)]
        later = VALUES.get(given) if isinstance(given, str) else None
        if later and not is_key:
            self.not_yet(place, *later)
        elif is_key and choices:
            self.unknown_key(place, choices)
        elif not self.spoken(items, place, is_key):
            wanted = list(dict.fromkeys(expectation(item, given) for item in fitting(items)))
            if about[1] is not None and wanted == ["a mapping"]:
                wanted = [SHORTHANDS.get(about[1].__name__, "a mapping")]
            hint = did_you_mean(given, choices) if isinstance(given, str) and given not in choices else ""
            got = got_words(given, self.document.place(place).raw)
            fix = "" if hint else fix_at(place) or mend(wanted, given)
            self.say(place, f"must be {' or '.join(wanted)}, got {got}{hint or '.'}", fix, key=is_key)

    def spoken(self, items: list[Any], place: Loc, is_key: bool) -> bool:
        """Whether one of our own validators said it, in words for a person."""
        errors = [item["ctx"]["error"] for item in items if item["type"] in ("value_error", "assertion_error")]
        if errors:
            text = f"{errors[0]}"
            fix = getattr(errors[0], "fix", "") or fix_at(place)
            self.say(place, text if text.endswith(("?", ".")) else f"{text}.", fix, key=is_key)
        return bool(errors)


def located(loc: Sequence[str | int], value: Any, kind: str) -> tuple[Loc, bool]:
    """Where an error stands in the value: without the names of alternatives, and whether it is about a key."""
    where: list[str | int] = []
    is_key = bool(loc) and loc[-1] == "[key]"
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        inside = isinstance(value, dict) and part in value
        if inside or (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            where.append(part)
            value = value[part]
        elif last and kind == "missing" and isinstance(value, dict):
            where.append(part)
    return tuple(where), is_key


def at(value: Any, where: Loc) -> Any:
    """The value at a place."""
    for part in where:
        value = value[part]
    return value


def section_at(model: Any, where: Loc) -> type[BaseModel] | None:
    """The record that describes a place, as far as annotations tell."""
    for part in where:
        if isinstance(model, type) and issubclass(model, BaseModel):
            fields = {field.alias or name: field for name, field in model.model_fields.items()}
            model = fields[str(part)].annotation if part in fields else None
        else:
            inner = [item for item in get_args(model) if item is not ...]
            model = inner[-1] if inner else None
        model = record_in(model)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def record_in(annotation: Any) -> Any:
    """The record inside `X | None` and `Annotated[X, …]`, else the annotation itself."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [item for item in get_args(annotation) if isinstance(item, type) and issubclass(item, BaseModel)]
    mapping = getattr(annotation, "__origin__", None) in (dict, tuple, list)
    return found[0] if found and not mapping else annotation


def keys_of(section: type[BaseModel]) -> list[str]:
    """The keys a person may write."""
    return [field.alias or name for name, field in section.model_fields.items()]
