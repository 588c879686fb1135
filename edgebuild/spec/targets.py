"""Entries of `targets:`: a device, and a runtime by the table of runtimes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgebuild.core.dossier import SOURCE
from edgebuild.devices.profiles import names as device_names
from edgebuild.documents import Loc
from edgebuild.errors import did_you_mean
from edgebuild.runtimes import TARGETS, load_target, target_names
from edgebuild.runtimes.base import Target
from edgebuild.spec.check import Checker, keys_of
from edgebuild.spec.not_yet import VALUES, later_keys
from edgebuild.spec.words import got_words


def targets(checker: Checker, written: dict[str, Any], folder: Path) -> dict[str, Target]:
    """Every target that is well written; `folder` may describe devices of its own."""
    devices = device_names(folder)
    found = {}
    for name, entry in written.items():
        loc: Loc = ("targets", name)
        if name == "all":
            checker.say(loc, "`all` means every target.", "Give it another name.", key=True)
        if not isinstance(entry, dict):
            fix = f"Write `{name}: {{device: here, runtime: onnxruntime}}`."
            checker.say(loc, f"must be a mapping, got {got_words(entry)}.", fix)
            continue
        made = target(checker, loc, {key: entry[key] for key in entry if key != "objective"}, devices)
        if made is not None:
            found[name] = made
    return found


def target(checker: Checker, loc: Loc, entry: dict[str, Any], devices: Sequence[str]) -> Target | None:
    """One entry."""
    device = named(checker, loc, entry, "device", "profile") if "device" in entry else None
    if device is not None:
        known(checker, "device", *device, devices)
    runtime = None
    if "runtime" not in entry:
        no_runtime(checker, loc, entry)
    else:
        given = named(checker, loc, entry, "runtime", "name")
        # Others than ours are looked up among all that is installed, which takes time.
        ours = given is None or given[0] in TARGETS or given[0] in VALUES
        if given is not None and known(checker, "runtime", *given, [*TARGETS] if ours else target_names()):
            runtime = given[0]
    if runtime is None:
        common = [*keys_of(Target), "objective"]
        for key in entry:
            if (key in later_keys(Target) or did_you_mean(key, common)) and key not in common:
                checker.unknown_key((*loc, key), common, later_keys(Target))
        return None
    made = checker.record(load_target(runtime), entry, loc)
    return made if checker.sound(*loc) else None


def no_runtime(checker: Checker, loc: Loc, entry: dict[str, Any]) -> None:
    """A target that does not say what runs it."""
    misspelt = [key for key in entry if did_you_mean(str(key), ("runtime",))]
    if misspelt:
        checker.unknown_key((*loc, misspelt[0]), ("runtime",))
    else:
        checker.say((*loc, "runtime"), "is missing.", f"Add `runtime: …`, one of {', '.join(TARGETS)}.", key=True)


def named(checker: Checker, loc: Loc, entry: dict[str, Any], key: str, inner: str) -> tuple[str, Loc] | None:
    """A name with its place, also of a mapping with the name in it; the entry then holds the name alone."""
    value, place = entry[key], (*loc, key)
    if isinstance(value, dict):
        later = later_keys(key.capitalize())
        guesses = [checker.unknown_key((*place, option), [inner], later) for option in value if option != inner]
        if inner not in value:
            if inner not in guesses:
                checker.say(place, f"has no `{inner}`.", f"Write `{key}: NAME`.", key=True)
            # What is not there is not judged a second time.
            del entry[key]
            return None
        entry[key] = value = value[inner]
        place = (*place, inner)
    if isinstance(value, str):
        return value, place
    several = "; for several, write a target for each" if isinstance(value, list) else ""
    checker.say(place, f"must be the name of a {key}, got {got_words(value)}.", f"Write `{key}: NAME`{several}.")
    return None


def known(checker: Checker, key: str, name: str, place: Loc, names: Sequence[str]) -> bool:
    """Whether a device or runtime is known; a problem where it is not."""
    if name in names:
        return True
    if name in VALUES:
        checker.not_yet(place, *VALUES[name])
    else:
        near = did_you_mean(name, names) or "."
        more = " Or describe it in `devices/NAME.yaml` beside the spec." if key == "device" else ""
        checker.say(place, f"unknown {key} `{name}`{near}", f"Known: {', '.join(names)}.{more}")
    return False


def selections(checker: Checker, found: dict[str, Target], written: Sequence[str], defaults: bool) -> None:
    """`candidates` and `choose` of each target must name a candidate."""
    for name, entry in found.items():
        known = [SOURCE, *written, *(entry.default_recipes() if defaults else ())]
        places: list[tuple[Loc, str]] = [
            (("targets", name, "candidates", index), item) for index, item in enumerate(entry.candidates or ())
        ]
        if entry.choose is not None:
            places.append((("targets", name, "choose"), entry.choose))
        for loc, item in places:
            settings = entry.variants() if loc[-1] == "choose" else {}
            if item not in known and not any(item == name + setting for name in known for setting in settings):
                near = did_you_mean(item, known) or "."
                checker.say(loc, f"unknown candidate `{item}`{near}", f"Known here: {', '.join(known)}.")
        chosen, allowed = entry.choose, entry.candidates
        if chosen in known and chosen is not None and allowed is not None and chosen not in (SOURCE, *allowed):
            fix = f"Write `candidates: [{', '.join([*allowed, chosen])}]`."
            checker.say(("targets", name, "choose"), f"`{chosen}` is not among this target's `candidates`.", fix)
