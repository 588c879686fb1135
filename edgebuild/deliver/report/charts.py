"""A dossier and its budgets → the trade-offs to draw, as data."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.core.dossier import REPORT, SOURCE, CandidateFile, Dossier, source_of
from edgebuild.core.evidence import Measurement
from edgebuild.decide.budgets import Budget, family
from edgebuild.decide.front import accuracy_of
from edgebuild.decide.verdicts import worst
from edgebuild.deliver.report.chart import Axis, Chart, Limit, Point, Span
from edgebuild.deliver.report.numbers import device_words, known, metrics_of, number


def charts(dossier: Dossier, budgets: Sequence[Budget]) -> tuple[list[Chart], list[str]]:
    """The trade-offs of a target, and a sentence for each that cannot be drawn."""
    made = [item for item in dossier.candidates if item.refusal is None]
    accuracy = accuracy_of(made, metrics_of(dossier))
    latency = asked("latency", budgets, "latency.p50")
    memory = asked("memory", budgets, "memory.model")
    wanted = [("latency-accuracy", latency, accuracy), ("latency-memory", latency, memory)]
    if not any(drawable(item, latency) for item in made):
        wanted.append(("size-accuracy", "size", accuracy))
    drawn: list[Chart] = []
    lost: dict[str, list[str]] = {}
    for name, x, y in wanted:
        shown = [item for item in made if x and y and drawable(item, x) and drawable(item, y)]
        if shown:
            drawn.append(chart(f"{slug(dossier.target)}-{name}", dossier, budgets, shown, (x, y)))
        else:
            lost.setdefault(lost_words(made, (x, y)), []).append(name.replace("-", "–"))
    sentences = [f"No {' and no '.join(names)} figure: {why}" for why, names in lost.items() if made]
    return drawn, sentences


def asked(kind: str, budgets: Sequence[Budget], otherwise: str) -> str:
    """The quantity of a family that the budgets are about; the usual one where there is none, or it is among them."""
    found = [item.quantity for item in budgets if family(item.quantity) == kind and not item.shape]
    return found[0] if found and otherwise not in found else otherwise


def drawable(file: CandidateFile, quantity: str) -> bool:
    """Whether the candidate has that number."""
    return known(file.measured(quantity, REPORT))


def lost_words(made: Sequence[CandidateFile], quantities: tuple[str, str]) -> str:
    """Why a trade-off is not drawn."""
    for quantity in quantities:
        found = [number for item in made if (number := item.measured(quantity, REPORT)) is not None]
        if not any(known(item) for item in found):
            why = next((item.why for item in found if item.why), "")
            return f"{quantity or 'accuracy'} is unavailable. {why}".rstrip()
    return "no candidate has both numbers."


def chart(
    name: str, dossier: Dossier, budgets: Sequence[Budget], shown: Sequence[CandidateFile], pair: tuple[str, str]
) -> Chart:
    """One trade-off of the candidates that have both numbers."""
    x, y = pair
    units = [unit_of(shown, quantity) for quantity in pair]
    first = shown[0]
    axes = [axis(first, quantity, unit[0]) for quantity, unit in zip(pair, units, strict=True)]
    ships = dossier.choice
    points = tuple(
        Point(
            name=item.name,
            x=span(item.measured(x, REPORT), units[0][1]),
            y=span(item.measured(y, REPORT), units[1][1]),
            source=item.name == SOURCE,
            ships=item.name == ships,
            meets=worst(item.verdicts) != "fail",
        )
        for item in shown
    )
    source = source_of(shown)
    limits = [
        line
        for along, quantity, unit in (("x", x, units[0][1]), ("y", y, units[1][1]))
        for line in limits_of(along, quantity, budgets, source, unit)
    ]
    plain = [family(quantity) for quantity in pair]
    return Chart(
        name=name,
        title=f"{dossier.target}: {plain[0]} and {plain[1]}",
        subtitle=subtitle(dossier, shown, pair),
        x=axes[0],
        y=axes[1],
        points=points,
        limits=tuple(dict.fromkeys(limits)),
    )


def subtitle(dossier: Dossier, shown: Sequence[CandidateFile], pair: tuple[str, str]) -> str:
    """Where the numbers come from: device, runtime, samples, evidence."""
    parts = [f"{dossier.runtime} on {device_words(dossier.device)}"]
    for quantity in pair:
        found = shown[0].measured(quantity, REPORT)
        if found is not None:
            samples = f" on {found.samples:,} samples" if found.split and found.samples else ""
            parts.append(f"{family(quantity)} {found.evidence}{samples}")
    return " · ".join(parts)


def axis(file: CandidateFile, quantity: str, unit: str) -> Axis:
    """The axis of a quantity."""
    found = file.measured(quantity, REPORT)
    words = quantity.replace(".", " ")
    return Axis(
        quantity=quantity,
        label=f"{words} ({unit})" if unit not in ("", "1") else words,
        higher=found is not None and found.better == "higher",
    )


def unit_of(shown: Sequence[CandidateFile], quantity: str) -> tuple[str, float]:
    """The unit of an axis, and what a value is divided by to be in it."""
    found = [item for file in shown if (item := file.measured(quantity, REPORT)) is not None and item.value is not None]
    if found[0].unit != "B":
        return found[0].unit, 1.0
    most = max(item.value or 0.0 for item in found)
    return next(((name, size) for name, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if most >= size), ("B", 1.0))


def span(found: Measurement | None, divide: float) -> Span:
    """A number and its two-sided interval, the number alone where it has none."""
    assert found is not None
    assert found.value is not None
    low = high = found.value
    if found.interval is not None:
        low = found.interval.low if found.interval.low is not None else low
        high = found.interval.high if found.interval.high is not None else high
    return Span(found.value / divide, low / divide, high / divide)


def limits_of(
    along: str, quantity: str, budgets: Sequence[Budget], source: CandidateFile | None, divide: float
) -> list[Limit]:
    """The budgets that are a line on this axis: on the quantity itself, or on its drop below the source's."""
    base = source.measured(quantity, REPORT) if source else None
    start = base.value if base else None
    found = []
    for budget in budgets:
        # A bound is held against the interval of the paired drop, which no axis here shows.
        if budget.form in ("upper", "lower") or budget.shape or budget.output:
            continue
        most = budget.form == "max"
        sign = "≤" if most else "≥"
        if budget.quantity == quantity and budget.relative and start is not None:
            words = f"{sign} {budget.limit:g} × source"
            found.append(Limit(along, budget.limit * start / divide, most, words))
        elif budget.quantity == quantity and not budget.relative:
            found.append(Limit(along, budget.limit / divide, most, f"{sign} {words_of(budget)}"))
        elif budget.quantity == f"{quantity}.drop" and not budget.relative and start is not None and base is not None:
            higher = base.better == "higher"
            value = start - budget.limit if higher else start + budget.limit
            words = f"drop {sign} {words_of(budget)}"
            found.append(Limit(along, value / divide, most != higher, words))
    return found


def words_of(budget: Budget) -> str:
    """The limit as typed."""
    return budget.text or number(budget.limit, budget.unit)


def slug(target: str) -> str:
    """A target's name as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in target)
