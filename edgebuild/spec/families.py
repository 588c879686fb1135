"""Entries of the families: metrics, candidates and targets, each by the table that names its classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any, TypeVar

from edgebuild.compress.base import Recipe, Stage
from edgebuild.core.records import Record
from edgebuild.documents import Loc
from edgebuild.errors import did_you_mean
from edgebuild.metrics.base import Metric
from edgebuild.runtimes.base import Target
from edgebuild.spec.budgets import SUFFIXES
from edgebuild.spec.check import Checker, keys_of
from edgebuild.spec.not_yet import VALUES, later_keys
from edgebuild.spec.sources import function, own_model

R = TypeVar("R", bound=Record)

SOURCE = "source"
"""The untouched model, a candidate of every target."""

CANDIDATE_KEYS = ("steps", "source", "required")


def metrics(checker: Checker, written: dict[str, Any]) -> dict[str, Metric]:
    """Every metric that is well written."""
    from edgebuild.decide.budgets import UNITS

    found = {}
    families = {row.split(".", 1)[0] for row in UNITS}
    for name, entry in written.items():
        loc: Loc = ("metrics", name)
        if name in UNITS or name.split(".", 1)[0] in families or name in ("all", SOURCE):
            checker.say(loc, f"`{name}` is the name of a quantity.", "Give the metric another name.", key=True)
        elif "." in name:
            checker.say(loc, f"a metric's name has no dot: `.{SUFFIXES[0]}` is put behind it.", "Use `_`.", key=True)
        made = metric(checker, loc, entry)
        if made is not None:
            found[name] = made
    return found


def metric(checker: Checker, loc: Loc, entry: Any) -> Metric | None:
    """One entry of `metrics:`."""
    from edgebuild.metrics import METRICS, load_metric, metric_names

    if isinstance(entry, str):
        entry = {"metric": entry}
    if not isinstance(entry, dict):
        checker.say(loc, "must be a mapping.", "Write `{metric: top1}`, or `{function: metrics.py:name}`.")
        return None
    if "metric" not in entry and "function" in entry:
        entry = {"metric": "function", **entry}
    name = entry.get("metric")
    if not isinstance(name, str):
        near = [key for key in entry if did_you_mean(str(key), ("metric", "function"))]
        if near:
            checker.unknown_key((*loc, near[0]), ("metric", "function"))
        elif "metric" in entry:
            checker.say((*loc, "metric"), "must be the name of a metric.", f"Known: {', '.join(METRICS)}.")
        else:
            fix = f"Write `metric:` and one of {', '.join(METRICS)}; or `function: metrics.py:name`."
            checker.say(loc, "says neither `metric` nor `function`.", fix, key=True)
        return None
    known = list(METRICS) if name in METRICS else metric_names()
    if name not in known:
        near_name = did_you_mean(name, known) or "."
        place = (*loc, "metric") if (*loc, "metric") in checker.document.places else loc
        checker.say(place, f"unknown metric `{name}`{near_name}", f"Known: {', '.join(known)}.")
        return None
    return checker.record(load_metric(name), entry, loc)


def references(checker: Checker, found: dict[str, Metric], kind: str) -> dict[str, str]:
    """The user's functions among the metrics' fields called `kind`."""
    given = {}
    for name, entry in found.items():
        reference = getattr(entry, kind, None)
        if isinstance(reference, str):
            resolved = function(checker, ("metrics", name, kind), reference)
            if resolved:
                given[name] = resolved
    return given


def one_decoder(checker: Checker, decoders: dict[str, str]) -> None:
    """Predictions are stored once, so all metrics see what one function keeps of them."""
    first = next(iter(decoders.values()), None)
    for name, reference in decoders.items():
        if reference != first:
            what = f"not yet: this release has no room for a second `decode`; another metric has `{first}`."
            checker.say(("metrics", name, "decode"), what, "Keep in one function what all metrics need.")


def candidates(checker: Checker, written: dict[str, Any]) -> tuple[dict[str, Recipe], bool]:
    """Every recipe that is well written, and whether the default sets stand beside them."""
    found, defaults = {}, True
    for name, entry in written.items():
        loc: Loc = ("candidates", name)
        if name == "defaults":
            defaults = entry is not False
            if not isinstance(entry, bool):
                checker.say(
                    loc, "must be true or false.", "Write `defaults: true` for the default set of each runtime."
                )
        elif name == SOURCE:
            fix = "Remove it; name a model of your own differently, or change `model.source`."
            checker.say(loc, "`source` is always there: the untouched model.", fix, key=True)
        elif not isinstance(entry, dict) or not entry:
            what = "is empty." if not entry else "must be a mapping."
            checker.say(
                loc, what, "Say what to do: `{quantize: int8}`; or name a model: `{source: own.onnx}`.", key=not entry
            )
        else:
            made = recipe(checker, loc, entry)
            if made is not None:
                found[name] = made
    return found, defaults


def recipe(checker: Checker, loc: Loc, entry: dict[str, Any]) -> Recipe | None:
    """One entry of `candidates:`."""
    from edgebuild.compress import STAGES

    before = len(checker.problems)
    known = [*CANDIDATE_KEYS, *STAGES]
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
        checker.say((*loc, "required"), "must be true or false.")
    source = entry.get("source")
    path = None
    if source is not None and not isinstance(source, str):
        checker.say((*loc, "source"), "must be the path of a model.")
    elif source is not None:
        path = own_model(checker, (*loc, "source"), source)
        _known_format(checker, (*loc, "source"), path)
    stages = [stage(checker, (*loc, key), key, entry[key]) for key in named]
    if "steps" in entry:
        stages = list(steps(checker, (*loc, "steps"), entry["steps"]))
    if len(checker.problems) > before:
        return None
    if not stages and path is None:
        checker.say(
            loc, "says nothing to do.", "Add a stage: `quantize: int8`; or a model: `source: own.onnx`.", key=True
        )
        return None
    made = tuple(item for item in stages if item is not None)
    return Recipe(stages=made, source=str(path) if path else None, required=required)


def _known_format(checker: Checker, loc: Loc, path: Any) -> None:
    from edgebuild.spec.sources import model_format

    if path is not None:
        model_format(checker, loc, path)


def steps(checker: Checker, loc: Loc, written: Any) -> Iterator[Stage | None]:
    """Stages where order matters: a list of mappings with one key each."""
    from edgebuild.compress import STAGES

    if not isinstance(written, list) or not written:
        checker.say(loc, "must be a list of stages.", "Write `steps: [{quantize: int8}]`.")
        return
    for index, item in enumerate(written):
        if isinstance(item, str):
            item = {item: {}}  # noqa: PLW2901 - `- train` is short for an empty mapping
        if not isinstance(item, dict) or len(item) != 1:
            checker.say((*loc, index), "must be a mapping with one stage.", "Write `{quantize: int8}`.")
            continue
        (name, options) = next(iter(item.items()))
        if name in STAGES:
            yield stage(checker, (*loc, index, name), name, options)
        else:
            checker.unknown_key((*loc, index, name), list(STAGES), later_keys("Candidate"))


def stage(checker: Checker, loc: Loc, name: str, options: Any) -> Stage | None:
    """One stage of a recipe."""
    from edgebuild.compress import STAGES

    module, _, attribute = STAGES[name].partition(":")
    loaded = import_module(module)
    found: type[Stage] = getattr(loaded, attribute)
    short = getattr(loaded, "SHORT", {})
    if isinstance(options, str) and options not in short and options not in VALUES:
        near = did_you_mean(options, list(short)) or "."
        words = "".join(f"`{word}`, " for word in short)
        fix = f"Keys of the mapping: {', '.join(keys_of(found))}."
        checker.say(loc, f"must be {words}or a mapping, got the text `{options}`{near}", fix)
        return None
    return checker.record(found, options, loc)


def targets(checker: Checker, written: dict[str, Any], folder: Any) -> dict[str, Target]:
    """Every target that is well written."""
    from edgebuild.devices.profiles import names

    devices = names(folder)
    found = {}
    for name, entry in written.items():
        if name == "all":
            checker.say(("targets", name), "`all` means every target.", "Give it another name.", key=True)
        if not isinstance(entry, dict):
            fix = "Write `{device: here, runtime: onnxruntime}`."
            checker.say(("targets", name), "must be a mapping.", fix)
            continue
        made = target(checker, ("targets", name), {key: entry[key] for key in entry if key != "objective"}, devices)
        if made is not None:
            found[name] = made
    return found


def target(checker: Checker, loc: Loc, entry: dict[str, Any], devices: Sequence[str]) -> Target | None:
    """One entry of `targets:`."""
    from edgebuild.runtimes import TARGETS, load_target, target_names

    before = len(checker.problems)
    if "device" in entry:
        named(checker, loc, entry, "device", "profile", lambda: devices)
    runtime = None
    if "runtime" in entry:
        runtime = named(
            checker, loc, entry, "runtime", "name", lambda: [*TARGETS] if _in(entry, TARGETS) else target_names()
        )
    else:
        near = [key for key in entry if did_you_mean(str(key), ("runtime",))]
        if near:
            checker.unknown_key((*loc, near[0]), ("runtime",))
        else:
            checker.say((*loc, "runtime"), "is missing.", f"Add `runtime: …`, one of {', '.join(TARGETS)}.", key=True)
    if runtime is None:
        common = [*keys_of(Target), "objective"]
        for key in entry:
            if (key in later_keys(Target) or did_you_mean(key, common)) and key not in common:
                checker.unknown_key((*loc, key), common, later_keys(Target))
        return None
    made = checker.record(load_target(runtime), entry, loc)
    return made if len(checker.problems) == before else None


def _in(entry: dict[str, Any], table: dict[str, str]) -> bool:
    runtime = entry["runtime"]
    return (runtime.get("name") if isinstance(runtime, dict) else runtime) in table.keys() | VALUES.keys()


def named(
    checker: Checker, loc: Loc, entry: dict[str, Any], key: str, inner: str, known: Callable[[], Sequence[str]]
) -> str | None:
    """A name, or a mapping with the name in it; the entry then holds the name alone."""
    value, place = entry[key], (*loc, key)
    if isinstance(value, dict):
        for option in value:
            if option != inner:
                checker.unknown_key((*place, option), [inner], later_keys(key.capitalize()))
        if inner not in value:
            checker.say(place, f"has no `{inner}`.", f"Write `{key}: NAME`.", key=True)
            return None
        value, place = value[inner], (*place, inner)
        entry[key] = value
    names = known()
    if not isinstance(value, str):
        checker.say(place, f"must be the name of a {key}.", f"Known: {', '.join(names)}.")
    elif value in names:
        return value
    elif value in VALUES:
        what, instead = VALUES[value]
        checker.say(place, f"not yet: this release has no {what}.", instead)
    else:
        near = did_you_mean(value, names) or "."
        more = " Or describe it in `devices/NAME.yaml` beside the spec." if key == "device" else ""
        checker.say(place, f"unknown {key} `{value}`{near}", f"Known: {', '.join(names)}.{more}")
    return None


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
            if item not in known:
                near = did_you_mean(item, known) or "."
                checker.say(loc, f"unknown candidate `{item}`{near}", f"Known here: {', '.join(known)}.")
        if entry.choose in known and entry.candidates is not None and entry.choose not in (SOURCE, *entry.candidates):
            what = f"`{entry.choose}` is not among this target's `candidates`."
            checker.say(("targets", name, "choose"), what, "Add it there.")
