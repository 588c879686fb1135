"""What the spec asks of a target, in canonical units: budgets, floors of evidence, objective."""

from __future__ import annotations

from typing import Literal

from edgebuild.core.evidence import Evidence
from edgebuild.core.records import Record

Form = Literal["max", "min", "upper", "lower"]

UNITS: dict[str, str] = {
    "latency.p50": "ms",
    "latency.p90": "ms",
    "latency.p95": "ms",
    "latency.p99": "ms",
    "latency.mean": "ms",
    "latency.first": "ms",
    "latency.load": "ms",
    "throughput": "/s",
    "rtf": "1",
    "memory.model": "B",
    "memory.process": "B",
    "memory.arena": "B",
    "size": "B",
    "size.archive": "B",
    "flash": "B",
    "energy": "mJ",
    "power": "mW",
    "temperature.max": "°C",
    "slowdown": "1",
    "placement.npu": "1",
    "placement.gpu": "1",
    "placement.integer": "1",
    "parity": "1",
}
"""The closed table of quantities and the unit their numbers have inside edgebuild."""

HIGHER_IS_BETTER = frozenset({"throughput", "placement.npu", "placement.gpu", "placement.integer"})


def family(quantity: str) -> str:
    """The part before the first dot: `latency` of `latency.p95`."""
    return quantity.split(".", 1)[0]


def better(quantity: str) -> Literal["higher", "lower"]:
    """The direction of a row of `UNITS`."""
    return "higher" if quantity in HIGHER_IS_BETTER else "lower"


class Budget(Record):
    """One limit on one number of one target."""

    typed: str
    """As a person finds it in the spec: `all.accuracy.drop`."""
    quantity: str
    """A row of `UNITS`, a metric's name, or a metric's name with `.drop` or `.worst_class_drop`."""
    form: Form
    """`max`/`min` judge the point value, `upper`/`lower` the one-sided 95 % bound."""
    limit: float
    """In `unit`, or a ratio to the source on the same target where `relative`."""
    unit: str
    relative: bool = False
    shape: str = ""
    """Named shape after `@`, the first where empty."""
    output: str = ""
    """Output after `@` for a metric, the worst where empty."""
    text: str = ""
    """The limit as typed: `0.5 pp`, `0.7x`, `8 ms`."""


class Term(Record):
    """One term of the objective."""

    direction: Literal["minimize", "maximize"]
    quantity: str
    tie: float = 0.0
    """Relative: within 0.03 of the best counts as equal."""


class Floors(Record):
    """The weakest evidence on which a budget may pass, for each kind of quantity."""

    latency: Evidence = "measured"
    memory: Evidence = "measured"
    energy: Evidence = "measured"
    accuracy: Evidence = "simulated"
    size: Evidence = "simulated"

    def of(self, quantity: str) -> Evidence:
        """The floor of a quantity; metrics, parity and placement count as accuracy."""
        kind = family(quantity).split("@", 1)[0]
        if kind in ("throughput", "rtf", "slowdown"):
            kind = "latency"
        if kind in ("power", "temperature"):
            kind = "energy"
        if kind == "flash":
            kind = "size"
        floor: Evidence = getattr(self, kind, self.accuracy)
        return floor
