"""`budgets:` and `objective:`: quantities by name, globs over targets, limits in canonical units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from edgebuild.decide.budgets import HIGHER_IS_BETTER, UNITS, Budget, Form
from edgebuild.documents import Loc
from edgebuild.documents.quantities import QuantityError, likely, quantity
from edgebuild.errors import did_you_mean
from edgebuild.metrics.base import Metric
from edgebuild.spec.check import Checker

SUFFIXES = ("drop", "worst_class_drop")
FORMS: tuple[Form, ...] = ("max", "min", "upper", "lower")

NEEDS: dict[str, str] = {"throughput": "scenarios"}
"""Quantity to what it is told of, which is not there yet."""


@dataclass
class Known:
    """What budgets may speak of."""

    targets: tuple[str, ...]
    metrics: Mapping[str, Metric]
    broken_metrics: tuple[str, ...] = ()
    """Metrics that are written but wrong; whatever is said of them is not judged."""
    all_broken: bool = False
    """The section cannot be read at all, so any name may be a metric's."""
    shapes: tuple[str, ...] = ()
    period: bool = False
    """Whether it is said how long a step takes in the product."""

    def names(self) -> list[str]:
        """Every quantity."""
        drops = [f"{name}.drop" for name in self.metrics]
        worst = [f"{name}.worst_class_drop" for name, metric in self.metrics.items() if classed(metric)]
        return [*UNITS, *self.metrics, *drops, *worst]


def classed(metric: Metric) -> bool:
    """Whether a metric can be told for each class."""
    return metric.needs_labels and metric.unit == "%" and metric.metric != "function"


@dataclass(frozen=True)
class Subject:
    """What one budget is about."""

    name: str
    unit: str
    higher: bool
    shape: str = ""
    output: str = ""
    ratio: bool = True
    """Whether a ratio to the source has a meaning."""
    own: bool = False
    """Whether it comes from a function of the user's, who says its unit."""


def resolve(checker: Checker, known: Known) -> dict[str, tuple[Budget, ...]]:
    """The budgets of each target: `all`, then globs, then names; among equals the later one wins; null removes."""
    written = checker.document.value.get("budgets") or {}
    table: dict[str, list[tuple[int, int, str, Any]]] = {name: [] for name in known.targets}
    if not isinstance(written, dict):
        checker.say(("budgets",), "must be a mapping.", "Write `all: {latency.p95: 8 ms}`.")
        return {}
    for position, (pattern, entries) in enumerate(written.items()):
        matches = matching(checker, pattern, known.targets)
        if not isinstance(entries, dict):
            checker.say(
                ("budgets", pattern), "must be a mapping of quantities to limits.", "Write `latency.p95: 8 ms`."
            )
            continue
        for name in entries:
            made = None if entries[name] is None else one(checker, ("budgets", pattern, name), entries[name], known)
            if entries[name] is None:
                subject(checker, ("budgets", pattern, name), name, known)
            for target in matches:
                table[target].append((specificity(pattern), position, name, made))
    return {target: flat(rows) for target, rows in table.items()}


def matching(checker: Checker, pattern: str, targets: tuple[str, ...]) -> list[str]:
    """Targets that a glob means."""
    found = list(targets) if pattern == "all" else [name for name in targets if fnmatchcase(name, pattern)]
    if not found and checker.sound("targets"):
        near = did_you_mean(pattern, ["all", *targets])
        fix = f"Targets: {', '.join(targets)}; `all` means every one."
        checker.say(("budgets", pattern), f"`{pattern}` matches no target{near or '.'}", fix, key=True)
    return found


def specificity(pattern: str) -> int:
    """`all` is the least specific, a name the most."""
    if pattern in ("all", "*"):
        return 0
    return 1 if any(char in pattern for char in "*?[") else 2


def flat(rows: list[tuple[int, int, str, Any]]) -> tuple[Budget, ...]:
    """Rows of one target as budgets, in the order they were written."""
    last: dict[str, tuple[Budget, ...]] = {}
    for _, _, name, made in sorted(rows, key=lambda row: (row[0], row[1])):
        last.pop(name, None) if made is None else last.__setitem__(name, made)
    order = list(dict.fromkeys(row[2] for row in rows))
    return tuple(budget for name in order for budget in last.get(name, ()))


def subject(checker: Checker, loc: Loc, typed: str, known: Known, where: str = "quantity") -> Subject | None:
    """What a quantity's name means; None, and a problem, where it means nothing."""
    name, _, at = typed.partition("@")
    base = name.rsplit(".", 1)[0] if name.rsplit(".", 1)[-1] in SUFFIXES else name
    key = where == "quantity"
    family = name.split(".", 1)[0] in {row.split(".", 1)[0] for row in UNITS}
    if base in known.broken_metrics or (known.all_broken and not family):
        return None
    if name in UNITS:
        if at and at not in known.shapes:
            near = did_you_mean(at, known.shapes)
            fix = f"Shapes: {', '.join(known.shapes)}." if known.shapes else "Name it under `model.shapes`."
            checker.say(loc, f"`@{at}` is no shape of the model{near or '.'}", fix, key=key)
            return None
        if name == "rtf" and not known.period:
            fix = "Write `period: 32 ms` beside the `steps` of the input that comes in step by step."
            checker.say(loc, "needs the time from one step to the next.", fix, key=key)
            return None
        return Subject(name, UNITS[name], name in HIGHER_IS_BETTER, shape=at)
    metric = known.metrics.get(base)
    if metric is None or (name.endswith(".worst_class_drop") and not classed(metric)):
        unknown(checker, loc, name, metric, known, key)
        return None
    own = metric.metric == "function"
    if name == base:
        return Subject(name, metric.unit, metric.better == "higher", output=at, own=own)
    return Subject(name, "pp" if metric.unit == "%" else metric.unit, higher=False, output=at, ratio=False, own=own)


def unknown(checker: Checker, loc: Loc, name: str, metric: Metric | None, known: Known, key: bool) -> None:
    """A quantity that nobody knows."""
    if metric is not None:
        what = f"`{metric.metric}` is not told for each class."
        checker.say(loc, what, f"Budget `{name.rsplit('.', 1)[0]}.drop`.", key=key)
        return
    family = [row for row in known.names() if f"{row}.".startswith(f"{name.split('.', 1)[0]}.")]
    if f"{name}." in {row[: len(name) + 1] for row in family if row != name}:
        checker.say(loc, f"`{name}` does not say which.", f"Write one of: {', '.join(family)}.", key=key)
        return
    near = did_you_mean(name, known.names())
    rows = family or [*known.metrics, "latency.p50", "latency.p95", "memory.model", "size", "parity"]
    fix = "" if near and not family else f"Known {'here' if family else 'among others'}: {', '.join(rows)}."
    checker.say(loc, f"unknown quantity `{name}`{near or '.'}", fix, key=key)


def one(checker: Checker, loc: Loc, value: Any, known: Known) -> tuple[Budget, ...]:
    """The budgets of one line: `8 ms`, or `{max: 0.5 pp, upper: 1.5 pp}`."""
    about = subject(checker, loc, str(loc[-1]), known)
    if about is None:
        return ()
    if about.name in NEEDS:
        what = f"{NEEDS[about.name]}, which `{about.name}` needs"
        checker.not_yet(loc, what, "Budget `latency.p50` instead.", key=True)
        return ()
    if not isinstance(value, dict):
        return tuple(limits(checker, loc, {("min" if about.higher else "max"): (loc, value)}, about))
    given = {}
    for form, limit in value.items():
        if form not in FORMS:
            checker.unknown_key((*loc, form), FORMS)
        elif form in (("max", "upper") if about.higher else ("min", "lower")):
            other = {"max": "min", "upper": "lower", "min": "max", "lower": "upper"}[form]
            better = "higher" if about.higher else "lower"
            fix = f"Write `{other}`."
            checker.say((*loc, form), f"`{about.name}` is better when it is {better}.", fix, key=True)
        else:
            given[form] = ((*loc, form), limit)
    if not value:
        checker.say(loc, "is an empty mapping.", f"Write `{'min' if about.higher else 'max'}: …`.")
    return tuple(limits(checker, loc, given, about))


def limits(checker: Checker, loc: Loc, given: Mapping[str, tuple[Loc, Any]], about: Subject) -> Iterator[Budget]:
    """A budget for each limit that is a quantity."""
    for form, (place, limit) in given.items():
        try:
            found = quantity(limit, about.unit, about.ratio)
            check_sign(found.value, found.text, about)
        except QuantityError as error:
            own = f'{error.fix} Or give the metric `unit: "%"`.' if about.own and "pp" in f"{limit}" else error.fix
            checker.say(place, str(error), own)
            continue
        yield Budget(
            typed=".".join(str(part) for part in loc[1:]),
            quantity=about.name,
            form=form,
            limit=found.value,
            unit=about.unit,
            relative=found.relative,
            shape=about.shape,
            output=about.output,
            text=checker.document.place(place).raw or found.text,
        )


def check_sign(value: float, typed: str, about: Subject) -> None:
    """Raises: QuantityError: a limit that nothing could ever meet."""
    if value < 0 and about.name in UNITS and about.name != "temperature.max":
        raise QuantityError(f"must not be below 0, got {typed}.", f"Write `{typed.lstrip('- ')}`.")
    if value > 1 and about.name.startswith("placement."):
        raise QuantityError(f"must be at most 100 %, got {typed}.", likely(value, "%"))
    if about.unit == "%" and about.higher and value > 100:
        raise QuantityError(f"must be at most 100 %, got {typed}.")
