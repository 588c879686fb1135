"""Budget × number → verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgebuild.core.dossier import CandidateFile
from edgebuild.core.evidence import EVIDENCE, Interval, Measurement, Status, Verdict
from edgebuild.decide.budgets import HIGHER_IS_BETTER, Budget, Floors, family
from edgebuild.decide.limits import bound_of, limit_words, margin_of, over, within, words

if TYPE_CHECKING:
    from edgebuild.decide.held import Held

QUANTILES = {"latency.p90": 0.90, "latency.p95": 0.95, "latency.p99": 0.99}

TIMED = ("latency", "throughput", "rtf", "slowdown")
"""Families of quantities that come from a timing run."""

RUN = (*TIMED, "memory")
"""Families of quantities that come from any run on the device."""


@dataclass(frozen=True)
class Bench:
    """What all candidates of one target are judged by."""

    budgets: Sequence[Budget]
    floors: Floors = field(default_factory=Floors)
    contended: str = ""
    """Why the timing run does not count; "" where it does."""
    shape: str = ""
    """Name of the shape that was measured; budgets on another one have no number."""
    source: CandidateFile | None = None
    """The untouched model, to which relative budgets refer."""
    held: Held | None = None
    """What the lock says of a target on which this build measures nothing."""

    def verdicts(self, candidate: CandidateFile, split: str) -> tuple[Verdict, ...]:
        """Every budget held against one candidate, in the order of the budgets."""
        return tuple(self.judge(budget, candidate, split) for budget in self.budgets)

    def judge(self, budget: Budget, candidate: CandidateFile, split: str) -> Verdict:
        """One budget held against one candidate on one split."""
        # `parity` is about the conversion alone: whichever candidate ships, the float artifact is judged.
        subject = self.source if budget.quantity == "parity" and self.source else candidate
        found = number_of(budget, subject, split)
        number = self.relative(budget, subject, found, split) if budget.relative and found else found
        obstacle = self.obstacle(budget, number)
        if obstacle:
            return written(budget, number, *obstacle)
        assert number is not None
        status, why = compared(budget, number)
        if status == "fail" and budget.quantity == "parity":
            status, why = as_near_as_itself(subject.measured(SPREAD, split), number, why)
        return written(budget, number, status, why)

    def obstacle(self, budget: Budget, number: Measurement | None) -> tuple[Status, str] | None:
        """What keeps a budget from being judged, or None."""
        untold = self.untold(budget, number)
        if untold is not None:
            return untold
        if budget.shape and budget.shape != self.shape:
            return "unproven", f"The shape `{budget.shape}` is not measured; only the first named shape is."
        if number is None:
            return "unproven", f"Nothing measures {budget.quantity} here."
        if number.value is None or math.isnan(number.value):
            status: Status = "unproven" if number.evidence == "unavailable" else "inconclusive"
            return status, number.why or f"{budget.quantity} has no value."
        floor = self.floors.of(budget.quantity)
        if EVIDENCE.index(number.evidence) < EVIDENCE.index(floor):
            return "unproven", f"The number is {number.evidence}; this budget asks for {floor}. {number.why}".rstrip()
        if family(budget.quantity) in TIMED and self.contended and number.protocol != COMMITTED:
            return "inconclusive", f"The timing run does not count: {self.contended}"
        return None

    def untold(self, budget: Budget, number: Measurement | None) -> tuple[Status, str] | None:
        """What the lock leaves open of a budget on numbers that this build does not take."""
        if self.held is None or not self.held.unmeasured or family(budget.quantity) not in RUN:
            return None
        status = self.held.untold(f"{budget.typed} {limit_words(budget)}")
        if status is not None:
            return status, BY_THE_LOCK
        lacking = number is None or number.value is None
        return ("inconclusive", self.held.unmeasured) if lacking else None

    def relative(self, budget: Budget, candidate: CandidateFile, number: Measurement, split: str) -> Measurement:
        """The same quantity as a ratio to the source on the same target."""
        changes = {"unit": "× source", "upper": None}
        if self.source is not None and candidate.name == self.source.name and number.value is not None:
            return number.model_copy(update=changes | {"value": 1.0, "interval": None})
        if budget.quantity in candidate.ratio:
            median, low, high = candidate.ratio[budget.quantity]
            interval = Interval(low=low, high=high, level=0.95, method="bootstrap over rounds and processes")
            return number.model_copy(update=changes | {"value": median, "interval": interval})
        base = number_of(budget, self.source, split) if self.source else None
        timed = family(budget.quantity) in TIMED and number.protocol != COMMITTED
        if timed or number.value is None or base is None or not base.value:
            why = number.why or "There is no number of the source to compare with."
            return number.model_copy(update=changes | {"value": None, "interval": None, "why": why})
        return number.model_copy(update=changes | {"value": number.value / base.value, "interval": None})


SPREAD = "parity.spread"
"""How far the source's own runtime differs from itself, optimised and not."""


def as_near_as_itself(spread: Measurement | None, number: Measurement, why: str) -> tuple[Status, str]:
    """The verdict on an artifact beyond the limit: one that is as near to the source as the source to itself passes."""
    if spread is None or spread.value is None or number.value is None or number.value > spread.value:
        return "fail", why
    own = words(spread.value, number.unit)
    return "pass", f"{why} The source itself differs by {own} where its own runtime does not optimise it."


COMMITTED = "committed"
"""Protocol of a number that came from `measurements/`, not from this build's run."""


BY_THE_LOCK = "The lock says so, and `--locked` measures nothing."


def number_of(budget: Budget, candidate: CandidateFile, split: str) -> Measurement | None:
    """The number a budget is about."""
    quantity = f"{budget.quantity}@{budget.output}" if budget.output else budget.quantity
    return candidate.measured(quantity, split)


def compared(budget: Budget, number: Measurement) -> tuple[Status, str]:
    """Pass, fail or inconclusive, and why, for a number that may be judged."""
    value = number.value
    assert value is not None
    if not within(budget, value):
        return "fail", f"{words(value, number.unit)} is {over(budget, value)}."
    few = too_few(budget, number)
    if few:
        return "inconclusive", few
    if budget.form in ("max", "min"):
        return "pass", beyond(budget, number)
    bound = bound_of(budget, number)
    if bound is None:
        return "inconclusive", f"The bound of {budget.quantity} has no value; there are too few samples for one."
    if within(budget, bound):
        return "pass", ""
    needed = enough(budget, number)
    more = f"; about {needed:,} samples would be enough if the value stays" if needed else ""
    return "inconclusive", (
        f"{words(value, number.unit)} is inside, but its bound {words(bound, number.unit)} is not, "
        f"with {number.samples:,} samples{more}."
    )


def beyond(budget: Budget, number: Measurement) -> str:
    """What a reader must know of a point value that passes: its bound lies outside."""
    bound = bound_of(budget, number)
    if bound is None or within(budget, bound):
        return ""
    return f"The point value passes; its bound {words(bound, number.unit)} lies outside the limit."


def too_few(budget: Budget, number: Measurement) -> str:
    """Why a percentile cannot be judged, or "".

    Fewer than ln 0.05 / ln q samples hold no sample above the q-quantile with 95 % confidence, so that their maximum is
    no bound of it (Wilks 1941, doi:10.1214/aoms/1177731788).
    """
    quantile = QUANTILES.get(budget.quantity)
    if quantile is None or number.samples == 0 or number.protocol == COMMITTED:
        return ""
    needed = math.ceil(math.log(0.05) / math.log(quantile))
    if number.samples >= needed:
        return ""
    return f"{number.samples} runs are too few to say anything of {budget.quantity}; {needed} would do."


def enough(budget: Budget, number: Measurement) -> int | None:
    """About how many samples would bring the bound inside, if the value stayed: the distance shrinks with √n.

    None where that is more than a thousand times as many: the value lies on the limit.
    """
    bound, value = bound_of(budget, number), number.value
    if bound is None or value is None or number.samples == 0:
        return None
    room, distance = abs(budget.limit - value), abs(bound - value)
    if distance == 0 or room <= distance / math.sqrt(1000):
        return None
    return math.ceil(number.samples * (distance / room) ** 2)


def written(budget: Budget, number: Measurement | None, status: Status, why: str) -> Verdict:
    """The verdict as a record."""
    value = number.value if number else None
    bound = bound_of(budget, number) if number else None
    judged = bound if budget.form in ("upper", "lower") else value
    return Verdict(
        budget=budget.typed,
        quantity=budget.quantity,
        limit=limit_words(budget),
        status=status,
        value=value,
        bound=bound,
        unit=number.unit if number else ("× source" if budget.relative else budget.unit),
        margin=margin_of(budget, judged),
        evidence=number.evidence if number else "unavailable",
        why=why,
    )


def worst(verdicts: Sequence[Verdict]) -> Status:
    """The verdict of several: fail, then inconclusive, then unproven, then pass."""
    order: tuple[Status, ...] = ("fail", "inconclusive", "unproven", "pass")
    return next((status for status in order if any(verdict.status == status for verdict in verdicts)), "pass")


def higher_is_better(quantity: str, measurement: Measurement | None) -> bool:
    """Direction of a quantity: by the closed table, else as its metric says."""
    if quantity in HIGHER_IS_BETTER:
        return True
    return measurement is not None and measurement.better == "higher"
