"""Every number of every candidate, beside the source's: quantities down, candidates across."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgebuild.core.dossier import REPORT, SELECT, SOURCE, CandidateFile, Dossier
from edgebuild.core.evidence import Interval, Measurement
from edgebuild.decide.budgets import family
from edgebuild.decide.limits import percentage
from edgebuild.decide.verdicts import worst
from edgebuild.deliver.report.numbers import NOTHING, interval, known, line, metrics_of, number, times
from edgebuild.deliver.report.outcome import icon, ratio_to_source

COLUMNS = 5
"""Candidates beside the source in one table; more make another table."""

FIRST = ("size", "latency.p50", "ratio:latency.p50", "latency.p95", "memory.model")
LAST = ("parity", "parity.sqnr", "placement.integer")

TITLES = {
    "memory.model": "memory of the model",
    "memory.process": "memory of the process",
    "parity": "parity: largest error",
    "parity.sqnr": "parity: SQNR",
    "parity.agreement": "parity: agreement",
    "parity.spread": "parity: the source to itself, optimised and not",
    "placement.integer": "heavy operators on integers",
}

SHARES = ("placement.integer", "placement.npu", "placement.gpu")
"""Parts of one, which read better as percentages."""

ONCE = ("latency.first", "latency.load")
"""A process has one sample of these."""

COUNTED = {"latency": "runs", "throughput": "runs", "memory": "processes"}


@dataclass(frozen=True)
class Row:
    """One quantity."""

    quantity: str
    """`ratio:latency.p50` for the quotient to the source."""
    split: str = REPORT

    @property
    def plain(self) -> str:
        """The measured quantity."""
        return self.quantity.removeprefix("ratio:")

    @property
    def title(self) -> str:
        """As the first column has it."""
        words = TITLES.get(self.plain) or self.plain.replace(".", " ", 1).replace("_", " ")
        if self.quantity != self.plain:
            return f"{words}, × source"
        return words if self.split == REPORT else f"{words} on `{self.split}`"


def tables(dossier: Dossier, made: Sequence[CandidateFile], rows: Sequence[Row]) -> list[dict[str, object]]:
    """The rows over all candidates, as few tables as hold them."""
    source = [item for item in made if item.name == SOURCE]
    others = [item for item in made if item.name != SOURCE]
    groups = [others[start : start + COLUMNS] for start in range(0, len(others), COLUMNS)] or [[]]
    return [
        {
            "heads": [head(dossier, item) for item in (*source, *group)],
            "rows": [shown for row in rows if (shown := written(dossier, row, (*source, *group))) is not None],
        }
        for group in groups
        if source or group
    ]


def head(dossier: Dossier, file: CandidateFile) -> str:
    """Name of a column."""
    note = " (ships)" if file.name == dossier.choice else " (nearest)" if file.name == dossier.nearest else ""
    return f"`{file.name}`{note}"


def written(dossier: Dossier, row: Row, files: Sequence[CandidateFile]) -> dict[str, object] | None:
    """One row, None where no candidate has the number."""
    found = [item for file in files if (item := file.measured(row.plain, row.split)) is not None and known(item)]
    if not found:
        return None
    return {
        "title": row.title,
        "cells": [strong(cell(dossier, row, file), file.name == dossier.choice) for file in files],
        "evidence": evidence(found),
    }


def cell(dossier: Dossier, row: Row, file: CandidateFile) -> str:
    """A number, with its interval in small print below."""
    item = file.measured(row.plain, row.split)
    if item is None or item.value is None:
        return NOTHING
    if row.quantity != row.plain:
        if file.name == SOURCE:
            return "1"
        if row.plain not in file.ratio:
            return NOTHING
        median, low, high = file.ratio[row.plain]
        return small(times(median), f"{low:.3f} – {high:.3f}")
    text = percentage(item.value) if row.plain in SHARES else number(item.value, item.unit)
    if item.upper is not None:
        return small(text, bound(item.upper, item.unit))
    beside = ratio_to_source(dossier, file, row.plain) if row.plain in ("size", "memory.model") else None
    if beside is not None and row.plain == "size":
        return small(text, f"{times(beside)} source")
    return small(text, interval(item.interval, item.unit))


def strong(text: str, ships: bool) -> str:
    """The number of what ships stands out."""
    first, rest, below = text.partition("<br>")
    return f"**{first}**{rest}{below}" if ships and first != NOTHING else text


def bound(upper: Interval, unit: str) -> str:
    """The one-sided bound of a drop."""
    return f"{interval(upper, unit)} at {percentage(upper.level)}"


def small(text: str, below: str) -> str:
    """A number and what stands below it."""
    return f"{text}<br><sub>{below}</sub>" if below else text


def evidence(found: Sequence[Measurement]) -> str:
    """The classes of a row, and how many samples it rests on."""
    classes = " / ".join(dict.fromkeys(item.evidence for item in found))
    samples = max(item.samples for item in found)
    counted = COUNTED.get(family(found[0].quantity), "samples")
    once = found[0].quantity in ONCE
    return small(classes, f"{samples:,} {counted}") if samples and not once else classes


def main_rows(dossier: Dossier) -> list[Row]:
    """What a reader compares first."""
    middle = []
    for metric in metrics_of(dossier):
        middle += [metric, f"{metric}.drop", f"{metric}.worst_class_drop"]
    return [Row(name) for name in (*FIRST, *middle, *LAST)]


def other_rows(dossier: Dossier, made: Sequence[CandidateFile]) -> list[Row]:
    """Everything else that was measured: the other percentiles, and what choosing saw on `select`."""
    shown = {row.quantity for row in main_rows(dossier)}
    found: dict[Row, None] = {}
    for file in made:
        for item in file.measurements:
            if item.split in ("", REPORT) and item.quantity not in shown:
                found[Row(item.quantity)] = None
    for file in made:
        for item in file.measurements:
            if item.split == SELECT and not item.quantity.startswith("parity"):
                found[Row(item.quantity, SELECT)] = None
    return list(found)


def verdict_line(made: Sequence[CandidateFile]) -> list[dict[str, str]]:
    """What choosing saw of each candidate."""
    lines = []
    for file in made:
        missed = [item for item in file.verdicts if item.status != "pass"]
        word = worst(file.verdicts)
        names = ", ".join(dict.fromkeys(f"`{item.budget}` {item.limit} ({item.status})" for item in missed))
        lines.append(
            {
                "name": file.name,
                "recipe": line(file.recipe),
                "icon": icon(word),
                "status": "meets every budget" if not missed else f"misses {names}",
            }
        )
    return lines


def unavailable(made: Sequence[CandidateFile]) -> list[str]:
    """Sentences for what no candidate has, with the reason."""
    whys: dict[str, list[str]] = {}
    for quantity in dict.fromkeys(item.quantity for file in made for item in file.measurements):
        found = list(measured(made, quantity))
        if not any(known(item) for item in found):
            why = next((item.why for item in found if item.why), "no reason is recorded.")
            whys.setdefault(why, []).append(quantity)
    return [f"Unavailable: {', '.join(f'`{name}`' for name in names)} – {line(why)}" for why, names in whys.items()]


def measured(made: Sequence[CandidateFile], quantity: str) -> Iterator[Measurement]:
    """Every candidate's number of a quantity."""
    for file in made:
        item = file.measured(quantity, REPORT)
        if item is not None:
            yield item


def remarks(made: Sequence[CandidateFile]) -> list[str]:
    """What a reader must know of single numbers: which class, which output, dates of committed measurements."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in made:
        for item in file.measurements:
            if item.why and item.value is not None and item.split != SELECT:
                found.setdefault((item.quantity, item.why), []).append(file.name)
    said: dict[tuple[str, str], list[str]] = {}
    for (quantity, why), names in found.items():
        whose = "" if len(names) == len(made) else f" of {', '.join(f'`{name}`' for name in names)}"
        said.setdefault((why, whose), []).append(f"`{quantity}`")
    return [f"{', '.join(quantities)}{whose}: {line(why)}" for (why, whose), quantities in said.items()]
