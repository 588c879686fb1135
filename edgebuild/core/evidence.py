"""What a number is: value, unit, samples, interval, evidence and where it came from."""

from __future__ import annotations

from typing import Literal

from edgebuild.core.records import Record

Evidence = Literal["unavailable", "estimated", "simulated", "emulated", "measured"]
EVIDENCE: tuple[Evidence, ...] = ("unavailable", "estimated", "simulated", "emulated", "measured")
"""Weakest first."""

Status = Literal["pass", "fail", "inconclusive", "unproven"]


def weakest(*evidence: Evidence) -> Evidence:
    """The class of a number made from several."""
    return min(evidence, key=EVIDENCE.index)


class Interval(Record):
    """Bounds of a value. Two-sided where both stand; a one-sided upper bound has no `low`."""

    low: float | None
    high: float | None
    level: float
    """Confidence, 0..1."""
    method: str
    """`exact binomial (Clopper–Pearson)`, `paired bootstrap over samples, 2000 draws`, …"""


class Measurement(Record):
    """One number about one artifact."""

    quantity: str
    """From the closed table (`latency.p50`, `size`, …) or a metric's name, with `.drop` for its worsening."""
    value: float | None
    """None where unavailable."""
    unit: str
    """`ms`, `B`, `%`, `pp`, `dB`, `ratio`, `1`, …; the SI-like unit reports print."""
    evidence: Evidence
    interval: Interval | None = None
    """Two-sided 95 % unless its method says otherwise."""
    upper: Interval | None = None
    """One-sided 95 % bound of a paired drop, where it is one."""
    samples: int = 0
    better: Literal["lower", "higher"] = "lower"
    why: str = ""
    """Reason of an unavailable value, or what a reader must know of this one."""
    protocol: str = ""
    device: str = ""
    split: str = ""
    """`select` or `report`, where the number is about samples."""
    records: tuple[str, ...] = ()
    """Digests of the raw records it was computed from."""


class Verdict(Record):
    """One budget held against one number."""

    budget: str
    """As typed: `all.accuracy.drop`."""
    quantity: str
    limit: str
    """As a person reads it: `max 0.5 pp`, `upper 1.5 pp`, `≤ 0.7 × source`."""
    status: Status
    value: float | None = None
    bound: float | None = None
    """The one-sided bound, where the limit judges it or stands beside it."""
    unit: str = ""
    margin: float | None = None
    """Room left, in parts of the limit: 0.2 is 20 % inside, -0.1 is 10 % over."""
    evidence: Evidence = "unavailable"
    why: str = ""
    """One sentence: what is missing, how many samples would do, how far off."""
