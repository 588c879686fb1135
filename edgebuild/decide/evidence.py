"""Raw records of one candidate → its numbers, each with what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgebuild.core.dossier import Account
from edgebuild.core.evidence import Interval, Measurement
from edgebuild.decide.budgets import UNITS, better, family
from edgebuild.decide.verdicts import COMMITTED, SPREAD
from edgebuild.devices.places import Committed, Place

TIMES = (
    "latency.p50", "latency.p90", "latency.p95", "latency.p99", "latency.mean", "latency.first", "latency.load",
    "throughput",
)  # fmt: skip
MEMORIES = ("memory.model", "memory.process")

ARENA = "memory.arena"
"""Told by the runtime itself, wherever it runs."""

ONCE = ("latency.first", "latency.load", *MEMORIES)
"""What happens once in a process: its samples are processes."""

BOOTSTRAP = "bootstrap over rounds and processes"
LEAST_GREATEST = "least and greatest of the processes"


def of_scores(
    entry: Mapping[str, Any] | None, metrics: Sequence[str], split: str, place: Place
) -> tuple[Measurement, ...]:
    """Every metric on one split, its drops, and the parity with the source.

    Args:
        entry: the candidate's row of `scores.json`.
        metrics: names, aligned with `entry["metrics"]`.
        split: `select` or `report`.
        place: the device.
    """
    if entry is None:
        return ()
    worth = place.worth("accuracy")
    found: list[Measurement] = []
    for name, score in zip(metrics, entry["metrics"], strict=True):
        common: dict[str, Any] = {
            "evidence": worth.evidence,
            "samples": score.get("samples") or 0,
            "device": place.device,
            "split": split,
            "why": score.get("why") or worth.why,
        }
        own = {**common, "unit": score["unit"], "better": score["better"]}
        interval = interval_of(score.get("interval"))
        found.append(Measurement(quantity=name, value=score["value"], interval=interval, **own))
        found += [
            Measurement(quantity=f"{name}@{output}", value=value, **own)
            for output, value in score.get("outputs", {}).items()
        ]
        for kind in ("drop", "worst_class_drop"):
            if score.get(kind):
                found.append(drop(f"{name}.{kind}", score[kind], score["unit"], common))
    return (*found, *of_parity(entry.get("parity"), split, place))


def drop(quantity: str, entry: Mapping[str, Any], unit: str, common: Mapping[str, Any]) -> Measurement:
    """The worsening against the source, with its one-sided bound."""
    return Measurement(
        quantity=quantity,
        value=entry["value"],
        unit=entry.get("unit") or ("pp" if unit == "%" else unit),
        interval=interval_of(entry.get("interval")),
        upper=interval_of(entry.get("upper"), level=0.95),
        **{**common, "why": entry.get("why") or common["why"]},
    )


def interval_of(value: Any, level: float = 0.95) -> Interval | None:
    """An interval as its record, from the record's own JSON, `[low, high]` or a bare upper bound."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return Interval.model_validate(value)
    if isinstance(value, int | float):
        return Interval(low=None, high=float(value), level=level, method="one-sided bound")
    return Interval(low=value[0], high=value[1], level=level, method="")


def of_parity(entry: Mapping[str, Any] | None, split: str, place: Place) -> tuple[Measurement, ...]:
    """How far the outputs are from the untouched source's."""
    if not entry:
        return ()
    worth = place.worth("accuracy")
    why = f"Of the output `{entry['output']}`." if entry.get("output") else worth.why
    rows = (
        ("parity", entry.get("max_error"), "1", "lower"),
        ("parity.sqnr", entry.get("sqnr"), "dB", "higher"),
        ("parity.agreement", entry.get("agreement"), "%", "higher"),
        (SPREAD, entry.get("spread"), "1", "lower"),
    )
    return tuple(
        Measurement.model_validate(
            {
                "quantity": quantity, "value": value, "unit": unit, "better": better, "evidence": worth.evidence,
                "samples": entry.get("samples", 0), "device": place.device, "split": split, "why": why,
            }
        )
        for quantity, value, unit, better in rows
        if value is not None
    )  # fmt: skip


def of_run(
    record: Mapping[str, Any], row: Mapping[str, Any] | None, quantities: Sequence[str], place: Place
) -> tuple[Measurement, ...]:
    """Numbers of one run on the device; none where the candidate was not in it.

    Args:
        record: `latency.json` or `memory.json`, with its protocol.
        row: the candidate's part of it.
        quantities: those it may have.
        place: the device.
    """
    if row is None:
        return ()
    protocol = record.get("protocol", {})
    raw = protocol.get("raw", "") if quantities is TIMES else ""
    worth = place.worth(family(quantities[0]))
    return tuple(
        Measurement(
            quantity=quantity,
            value=row[quantity]["value"],
            unit=UNITS[quantity],
            evidence=worth.evidence,
            interval=Interval(
                low=row[quantity]["low"],
                high=row[quantity]["high"],
                level=0.95,
                method=LEAST_GREATEST if quantity in ONCE else BOOTSTRAP,
            ),
            samples=protocol.get("processes", 0) if quantity in ONCE else row.get("samples", 0),
            better=better(quantity),
            device=place.device,
            protocol=str(protocol.get("words", "")),
            records=(raw,) if raw else (),
        )
        for quantity in quantities
        if row.get(quantity) is not None
    )


def of_arena(record: Mapping[str, Any] | None, place: Place) -> tuple[Measurement, ...]:
    """The arena that the runtime's own interpreter needs here, with the kernels of the device but not its pointers."""
    row = (record or {}).get(ARENA)
    if row is None:
        return ()
    words = str(record["protocol"]["words"]) if record else ""
    found = Measurement(
        quantity=ARENA,
        value=float(row["value"]),
        unit=UNITS[ARENA],
        evidence="emulated",
        samples=1,
        device=place.device,
        why=f"{words[:1].upper()}{words[1:]}.",
        protocol=words,
    )
    return (found,)


def of_committed(record: Committed, versions: Mapping[str, str]) -> tuple[Measurement, ...]:
    """Numbers that were taken on the device before, for exactly these bytes."""
    other = {name: build for name, build in record.runtime.items() if versions.get(name, build) != build}
    builds = ", ".join(f"{name} {build} (here {versions[name]})" for name, build in other.items())
    why = f"Measured on {record.device} on {record.date.isoformat()}" + (f" with {builds}." if builds else ".")
    return tuple(
        Measurement(
            quantity=quantity,
            value=number.value,
            unit=UNITS.get(quantity, "1"),
            evidence="measured",
            interval=Interval(low=number.low, high=number.high, level=0.95, method=record.protocol)
            if number.low is not None or number.high is not None
            else None,
            samples=record.samples,
            better=better(quantity),
            why=why,
            device=record.device,
            protocol=COMMITTED,
            records=(record.raw,),
        )
        for quantity, number in sorted(record.values.items())
    )


def of_size(size: int, place: Place) -> Measurement:
    """Bytes of the artifact, all files of a folder."""
    worth = place.worth("size")
    return Measurement(
        quantity="size", value=float(size), unit="B", evidence=worth.evidence, device=place.device, why=worth.why
    )


def of_account(account: Account | None, place: Place) -> tuple[Measurement, ...]:
    """The part of the heavy operators that runs on integer kernels."""
    if account is None or account.integer_ops + account.float_ops == 0:
        return ()
    worth = place.worth("placement")
    share = account.integer_ops / (account.integer_ops + account.float_ops)
    return (
        Measurement(
            quantity="placement.integer",
            value=share,
            unit="1",
            better="higher",
            evidence=worth.evidence,
            device=place.device,
            why=worth.why,
        ),
    )


def unavailable(quantities: Sequence[str], place: Place, why: str = "") -> tuple[Measurement, ...]:
    """Numbers that nobody can give here, with the reason."""
    return tuple(
        Measurement(
            quantity=quantity,
            value=None,
            unit=UNITS.get(quantity, "1"),
            evidence="unavailable",
            better=better(quantity),
            why=why or place.worth(family(quantity)).why,
            device=place.device,
        )
        for quantity in quantities
    )
