"""Values against records, with what pydantic found put into sentences at the place where it stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from edgebuild.documents import Document, Loc
from edgebuild.errors import Problem, did_you_mean
from edgebuild.spec.not_yet import VALUES, later_keys

R = TypeVar("R", bound=BaseModel)

KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "mapping": "a mapping",
    "none": "nothing",
    "finite": "a finite number",
}
"""First word of pydantic's error type to what a person would say."""

SHORTHANDS = {
    "Split": "a number of samples, a share like `20 %`, or a mapping",
}
"""Records that may be written shorter than as a mapping."""

FIXES: dict[Loc, str] = {
    ("edgebuild",): "This release reads version 1 of the language: write `edgebuild: 1`.",
}
"""What helps at places that need their own words."""

LIMITS: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than": lambda ctx: f"above {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"at least {ctx['ge']}",
    "less_than": lambda ctx: f"below {ctx['lt']}",
    "less_than_equal": lambda ctx: f"at most {ctx['le']}",
    "multiple_of": lambda ctx: f"a multiple of {ctx['multiple_of']}",
}


class Checker:
    """Gathers the problems of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.bad: set[Loc] = set()
        """Places that have a problem."""
        self._said: set[tuple[Loc, bool]] = set()

    def say(self, loc: Loc, what: str, fix: str = "", key: bool = False) -> None:
        """Note a problem: the first of a key or value, unless YAML's own doubt about the same word says enough."""
        self.bad.add(loc)
        if (loc, key) in self._said:
            return
        self._said.add((loc, key))
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
            what, instead = later[key]
            self.say(loc, f"not yet: this release has no {what}.", instead, key=True)
            return ""
        near = did_you_mean(key, [*known, *(later or ())])
        names = ", ".join(f"`{name}`" for name in known)
        self.say(
            loc, f"unknown key `{key}`{near or '.'}", f"Known here: {names}." if names and not near else "", key=True
        )
        return near.partition("`")[2].partition("`")[0]

    def missing(self, where: Loc, section: type[BaseModel] | None, loc: Loc) -> None:
        """A key that must be there."""
        name = str(where[-1])
        self.say((*loc, *where), "is missing.", f"Add `{name}: …`{meaning(section, name)}")

    def wrong(
        self, items: list[Any], where: Loc, is_key: bool, about: tuple[Any, type[BaseModel] | None], loc: Loc
    ) -> None:
        """A value that a field cannot take; `about` is the whole value, and the record wanted at this place."""
        given = str(where[-1]) if is_key else at(about[0], where)
        place = (*loc, *where)
        choices = [choice for item in items for choice in choices_of(item)]
        later = VALUES.get(given) if isinstance(given, str) else None
        if later and not is_key:
            self.say(place, f"not yet: this release has no {later[0]}.", later[1])
            return
        if is_key and choices:
            self.unknown_key(place, choices)
            return
        spoken = [item for item in items if item["type"] in ("value_error", "assertion_error")]
        if spoken:
            error = spoken[0]["ctx"]["error"]
            text = f"{error}" if f"{error}".endswith(("?", ".")) else f"{error}."
            self.say(place, text, getattr(error, "fix", ""), key=is_key)
            return
        wanted = list(dict.fromkeys(expectation(item) for item in items))
        if about[1] is not None and wanted == ["a mapping"]:
            wanted = [SHORTHANDS.get(about[1].__name__, "a mapping")]
        near = did_you_mean(given, choices) if isinstance(given, str) and choices else ""
        got = got_words(given, self.document.place(place).raw)
        fix = FIXES.get(place) or mend(wanted, given)
        self.say(place, f"must be {' or '.join(wanted)}, got {got}{near or '.'}", fix, key=is_key)


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


def meaning(section: type[BaseModel] | None, name: str) -> str:
    """What a key is, from its docstring, as the end of a sentence."""
    for key, field in (section.model_fields if section else {}).items():
        if (field.alias or key) == name and field.description:
            return ": " + " ".join(field.description.split())
    return "."


def expectation(item: Any) -> str:
    """What an error asked for."""
    kind, ctx = str(item["type"]), item.get("ctx", {})
    if kind in LIMITS:
        return LIMITS[kind](ctx)
    if kind in ("literal_error", "enum"):
        return ("one of " if len(choices_of(item)) > 1 else "") + ", ".join(f"`{name}`" for name in choices_of(item))
    if kind in ("too_short", "too_long"):
        limit = ctx.get("min_length", ctx.get("max_length"))
        return f"a list of {'at least' if kind == 'too_short' else 'at most'} {limit}"
    if kind.split("_", maxsplit=1)[0] in KINDS:
        return KINDS[kind.split("_", maxsplit=1)[0]]
    words = str(item["msg"]).removeprefix("Input should be ").removeprefix("Value should be ")
    return words[:1].lower() + words[1:]


def choices_of(item: Any) -> list[str]:
    """The words that a field allows."""
    if item["type"] not in ("literal_error", "enum"):
        return []
    text = str(item["ctx"]["expected"]).replace(" or ", ", ")
    return [word.strip("'") for word in text.split(", ")]


def got_words(value: Any, raw: str = "") -> str:
    """What stands there, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return raw or f"{value}"
    if isinstance(value, str):
        short = value if len(value) <= 60 else value[:57] + "…"
        return f"the text `{short}`" if short else "an empty text"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "a mapping"


def mend(wanted: Sequence[str], given: Any) -> str:
    """The likely fix of a value of the wrong kind."""
    number = "a whole number" in wanted or "a number" in wanted
    if isinstance(given, list) and any("mapping" in words for words in wanted):
        return "Write `key: value` pairs; a list never stands for alternatives."
    if isinstance(given, str):
        if number and given.strip().replace(".", "", 1).lstrip("-").isdigit():
            return f"Write {given.strip()} without quotes."
        if "a list" in wanted:
            return f"Write it as a list: [{given}]."
        return ""
    if "a text" in wanted and isinstance(given, int | float) and not isinstance(given, bool):
        return "Put it in quotes."
    return ""
