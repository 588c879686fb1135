"""Entries of `candidates:`: a start and stages, by the table of stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from edgebuild.compress import STAGES
from edgebuild.compress.base import Recipe, Stage
from edgebuild.compress.command.stage import Command
from edgebuild.core.dossier import SOURCE
from edgebuild.core.wires import FileDigest
from edgebuild.data.sources import digest_path
from edgebuild.documents import Loc
from edgebuild.errors import did_you_mean
from edgebuild.reads import probed
from edgebuild.runtimes.base import Target
from edgebuild.spec.check import Checker, keys_of
from edgebuild.spec.models import own_model
from edgebuild.spec.not_yet import VALUES, later_keys
from edgebuild.spec.sweeps import swept
from edgebuild.spec.training import check_stage
from edgebuild.spec.words import got_words

COMMAND = ("command", "output", "tools")
"""Keys of a program of the user's, which stand in the entry itself."""
KEYS = ("steps", "source", "required", "after", *COMMAND)
"""What an entry may have besides a stage."""


def candidates(checker: Checker, written: dict[str, Any]) -> tuple[dict[str, Recipe], bool]:
    """Every recipe that is well written, and whether the default sets stand beside them."""
    found, defaults = {}, True
    for name, entry in written.items():
        loc: Loc = ("candidates", name)
        if name == "defaults":
            defaults = entry is not False
            if not isinstance(entry, bool):
                fix = "Write `defaults: true` for the default set of each runtime."
                checker.say(loc, "must be true or false.", fix)
        elif name == SOURCE:
            fix = "Remove it; name a model of your own differently, or change `model.source`."
            checker.say(loc, "`source` is always there: the untouched model.", fix, key=True)
        elif isinstance(entry, dict) and entry:
            for suffix, plain in swept(checker, loc, entry).items():
                made = recipe(checker, loc, plain)
                if suffix and name + suffix in written:
                    fix = "Call that one differently."
                    checker.say(loc, f"its sweep makes `{name + suffix}`, which is written too.", fix, key=True)
                if made is not None:
                    found[name + suffix] = made.model_copy(update={"family": name}) if suffix else made
        else:
            fix = "Say what to do: `{quantize: int8}`; or name a model: `{source: own.onnx}`."
            if isinstance(entry, str) and entry in _short("quantize"):
                fix = f"Write `{name}: {{quantize: {entry}}}`."
            what = f"must be a mapping, got {got_words(entry)}." if entry else "is empty."
            checker.say(loc, what, fix, key=not entry)
    return found, defaults


def recipe(checker: Checker, loc: Loc, entry: dict[str, Any]) -> Recipe | None:
    """One entry."""
    known = [*KEYS, *STAGES]
    for key in entry:
        if key not in known:
            checker.unknown_key((*loc, key), known, later_keys("Candidate"))
    named = [key for key in entry if key in STAGES]
    if len(named) + ("steps" in entry) > 1:
        words = " and ".join(f"`{key}`" for key in [*named, *(["steps"] if "steps" in entry else [])])
        fix = f"Write `steps: [{', '.join(f'{{{key}: …}}' for key in named)}]`."
        checker.say(loc, f"the order of {words} is not told.", fix, key=True)
        return None
    required = entry.get("required", False)
    if not isinstance(required, bool):
        checker.say((*loc, "required"), f"must be true or false, got {got_words(required)}.", "Write `required: true`.")
    if set(entry) & {"after", *COMMAND}:
        return after(checker, loc, entry)
    path = own_start(checker, (*loc, "source"), entry["source"]) if "source" in entry else None
    stages = [stage(checker, (*loc, key), key, entry[key]) for key in named]
    if "steps" in entry:
        stages = list(steps(checker, (*loc, "steps"), entry["steps"]))
    if not checker.sound(*loc):
        return None
    if not stages and path is None:
        fix = "Add a stage: `quantize: int8`; or a model: `source: own.onnx`."
        checker.say(loc, "says nothing to do.", fix, key=True)
        return None
    made = tuple(item for item in stages if item is not None)
    places = [(*loc, "steps", number) for number in range(len(made))] if "steps" in entry else [(*loc, *named)]
    order(checker, places, made)
    return Recipe(stages=made, source=path, required=required)


def order(checker: Checker, places: Sequence[Loc], stages: Sequence[Stage]) -> None:
    """What a stage asks of the one behind it."""
    for place, item, following in zip(places, stages, [*stages[1:], None], strict=False):
        asked = item.asks_next(following)
        if asked:
            checker.say(place, f"{asked}.", "Write `{quantize: int8}` behind it.", key=True)


def after(checker: Checker, loc: Loc, entry: dict[str, Any]) -> Recipe | None:
    """A candidate made from another one, by a program of the user's."""
    base = entry.get("after", SOURCE)
    if not isinstance(base, str):
        checker.say((*loc, "after"), f"must be the name of a candidate, got {got_words(base)}.", "Write `after: NAME`.")
    for key in [key for key in entry if key not in {"after", "required", *COMMAND}]:
        fix = f"Write the stages in a candidate of their own and name it: `{{after: NAME, {'command: …'}}}`."
        checker.say((*loc, key), f"`{key}` cannot stand beside `command` and `after`.", fix, key=True)
    given = {key: entry[key] for key in COMMAND if key in entry}
    folder = checker.document.place(loc).folder.absolute()
    own: list[FileDigest] = []
    if isinstance(given.get("command"), list):
        words = [word for word in given["command"] if isinstance(word, str) and "{" not in word]
        own = [FileDigest(path=word, digest=digest_path(folder / word)) for word in words if file_of(folder, word)]
    made = checker.record(Command, given, loc)
    if made is None or not checker.sound(*loc):
        return None
    stage = made.model_copy(update={"folder": str(folder), "files": tuple(own)})
    return Recipe(stages=(stage,), after=str(base), required=bool(entry.get("required", False)))


def file_of(folder: Path, word: str) -> bool:
    """Whether a word of a command is a file of the user's."""
    return bool(word) and len(word) < 200 and "\0" not in word and probed(folder / word).is_file()


def chains(checker: Checker, found: dict[str, Recipe], targets: Mapping[str, Target], defaults: bool) -> None:
    """`after` must name a candidate, and not lead back to itself."""
    own = {member for name, recipe in found.items() for member in recipe.members(name)}
    known = {SOURCE, *own, *(name for item in targets.values() if defaults for name in item.default_recipes())}
    for name, recipe in found.items():
        loc: Loc = ("candidates", name, "after")
        if recipe.after is None:
            continue
        if recipe.after not in known:
            near = did_you_mean(recipe.after, sorted(known)) or "."
            checker.say(loc, f"unknown candidate `{recipe.after}`{near}", f"Known: {', '.join(sorted(known))}.")
        seen, base = [name], recipe.after
        while base in found and base not in seen and found[base].after:
            seen, base = [*seen, base], str(found[base].after)
        if base == name:
            checker.say(loc, f"leads back to itself: {' after '.join([*seen, name])}.", "Start from another candidate.")


def own_start(checker: Checker, loc: Loc, source: Any) -> str | None:
    """The model of the user's own that a recipe starts from."""
    if not isinstance(source, str):
        checker.say(loc, f"must be the path of a model, got {got_words(source)}.", "Write `source: own.onnx`.")
        return None
    found = own_model(checker, loc, source)
    return str(found[0]) if found else None


def steps(checker: Checker, loc: Loc, written: Any) -> Iterator[Stage | None]:
    """Stages where order matters: a list of mappings with one key each."""
    if not isinstance(written, list) or not written:
        checker.say(loc, "must be a list of stages.", "Write `steps: [{quantize: int8}]`.")
        return
    for index, item in enumerate(written):
        if isinstance(item, str):
            item = {item: {}}  # noqa: PLW2901 - `- train` is short for an empty mapping
        if not isinstance(item, dict) or len(item) != 1:
            several = ", ".join(f"{{{key}: …}}" for key in item) if isinstance(item, dict) else ""
            fix = f"Write `{several or '{quantize: int8}'}`."
            checker.say((*loc, index), "must be a mapping with one stage.", fix)
            continue
        (name, options) = next(iter(item.items()))
        if name in STAGES:
            yield stage(checker, (*loc, index, name), name, options)
        else:
            checker.unknown_key((*loc, index, name), list(STAGES), later_keys("Candidate"))


def stage(checker: Checker, loc: Loc, name: str, options: Any) -> Stage | None:
    """One stage of a recipe: a mapping, or a word for a whole mapping."""
    module, _, attribute = STAGES[name].partition(":")
    found: type[Stage] = getattr(import_module(module), attribute)
    short = _short(name)
    if not isinstance(options, dict) and (not isinstance(options, str) or options not in {*short, *VALUES}):
        near = did_you_mean(options, short) if isinstance(options, str) else ""
        words = "".join(f"`{word}`, " for word in short) + ("or " if short else "")
        fix = f"Keys of the mapping: {', '.join(keys_of(found))}."
        if isinstance(options, list):
            fix = "Write a candidate for each; a list never means a search."
        checker.say(loc, f"must be {words}a mapping, got {got_words(options)}{near or '.'}", fix)
        return None
    made = checker.record(found, options, loc)
    return check_stage(checker, loc, made) if made else None


def _short(name: str) -> list[str]:
    return list(getattr(import_module(STAGES[name].partition(":")[0]), "SHORT", {}))
