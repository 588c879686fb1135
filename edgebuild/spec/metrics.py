"""Entries of `metrics:`, each by the class that its name stands for."""

from __future__ import annotations

from typing import Any

from edgebuild.core.dossier import SOURCE
from edgebuild.decide.budgets import UNITS
from edgebuild.documents import Loc
from edgebuild.errors import did_you_mean
from edgebuild.metrics import METRICS, load_metric, metric_names
from edgebuild.metrics.base import Metric
from edgebuild.spec.check import Checker
from edgebuild.spec.files import function

FAMILIES = frozenset(row.split(".", 1)[0] for row in UNITS)


def metrics(checker: Checker, written: dict[str, Any]) -> dict[str, Metric]:
    """Every metric that is well written."""
    found = {}
    for name, entry in written.items():
        loc: Loc = ("metrics", name)
        if name in ("all", SOURCE) or name.split(".", 1)[0] in FAMILIES:
            checker.say(loc, f"`{name}` is the name of a quantity.", "Give the metric another name.", key=True)
        elif "." in name:
            fix = f"Write `{name.replace('.', '_')}`."
            checker.say(loc, "a metric's name has no dot: `.drop` is put behind it.", fix, key=True)
        made = metric(checker, loc, entry)
        if made is not None:
            found[name] = made
    return found


def metric(checker: Checker, loc: Loc, entry: Any) -> Metric | None:
    """One entry: a mapping, or the name of a metric alone."""
    if isinstance(entry, str):
        entry = {"metric": entry}
    if not isinstance(entry, dict):
        checker.say(loc, "must be a mapping.", "Write `{metric: top1}`, or `{function: metrics.py:name}`.")
        return None
    if "metric" not in entry and "function" in entry:
        entry = {"metric": "function", **entry}
    name = entry.get("metric")
    if not isinstance(name, str):
        nameless(checker, loc, entry)
        return None
    known = list(METRICS) if name in METRICS else metric_names()
    if name not in known:
        place = (*loc, "metric") if (*loc, "metric") in checker.document.places else loc
        fix = f"Known: {', '.join(known)}."
        checker.say(place, f"unknown metric `{name}`{did_you_mean(name, known) or '.'}", fix)
        return None
    return checker.record(load_metric(name), entry, loc)


def nameless(checker: Checker, loc: Loc, entry: dict[str, Any]) -> None:
    """An entry that does not say what it computes."""
    misspelt = [key for key in entry if did_you_mean(str(key), ("metric", "function"))]
    if "metric" in entry:
        checker.say((*loc, "metric"), "must be the name of a metric.", f"Known: {', '.join(METRICS)}.")
    elif misspelt:
        checker.unknown_key((*loc, misspelt[0]), ("metric", "function"))
    else:
        fix = f"Write `metric:` and one of {', '.join(METRICS)}; or `function: metrics.py:name`."
        checker.say(loc, "says neither `metric` nor `function`.", fix, key=True)


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
            what = f"a second `decode` beside `{first}`"
            checker.not_yet(("metrics", name, "decode"), what, "Keep in one function what all metrics need.")
