"""What a lock holds of one target, for a build that is not to decide or not to measure again."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.core.dossier import CandidateFile
from edgebuild.core.evidence import Evidence, Interval, Measurement, Status
from edgebuild.core.records import Record
from edgebuild.decide.budgets import Budget, better, family
from edgebuild.decide.choice import Choice, Rules
from edgebuild.decide.verdicts import COMMITTED, RUN, worst

UNMEASURED = "`--locked` measures nothing, and the lock holds no number of it for these bytes."


class HeldNumber(Record):
    """One number that the lock remembers."""

    value: float
    unit: str
    evidence: Evidence


class Held(Record):
    """The decision of a lock, with the numbers its verdicts rest on."""

    choice: str | None = None
    artifact: str = ""
    """Digest of the bytes that ship, or that the numbers are about where none ships."""
    machine: str = ""
    """Whose numbers they are."""
    numbers: dict[str, HeldNumber] = {}
    """Quantity to number; `latency.p50.ratio` and `latency.p50.bound` beside it."""
    verdicts: dict[str, Status] = {}
    """Budget and limit, as a person reads them, to the verdict."""
    measured: bool = False
    """Whether this build measures all the same; then the lock's numbers do not count."""

    @property
    def unmeasured(self) -> str:
        """Why this build has no number of its own from any run, or ""."""
        return "" if self.measured else UNMEASURED

    def untold(self, verdict: str) -> Status | None:
        """A verdict of the lock that no number stands behind."""
        found = None if self.measured else self.verdicts.get(verdict)
        return found if found in ("inconclusive", "unproven") else None

    def measurements(self, device: str) -> tuple[Measurement, ...]:
        """Its numbers from runs; those of files and samples are known in every build."""
        whose = f"From the lock, measured on {self.machine}."
        found = []
        for quantity, number in self.numbers.items():
            if family(quantity) not in RUN or quantity.endswith((".ratio", ".bound")):
                continue
            bound = self.numbers.get(f"{quantity}.bound")
            found.append(
                Measurement(
                    quantity=quantity,
                    value=number.value,
                    unit=number.unit,
                    evidence=number.evidence,
                    interval=Interval(low=bound.value, high=bound.value, level=0.95, method=COMMITTED)
                    if bound
                    else None,
                    better=better(quantity),
                    why=whose,
                    device=device,
                    protocol=COMMITTED,
                )
            )
        return tuple(found)

    def ratios(self) -> dict[str, tuple[float, float, float]]:
        """Ratios to the source; their bounds are the values themselves where the lock has none."""
        found = {}
        for name, number in self.numbers.items():
            if name.endswith(".ratio"):
                bound = self.numbers.get(f"{name}.bound", number).value
                found[name.removesuffix(".ratio")] = (number.value, bound, bound)
        return found


def standing(
    candidates: Sequence[CandidateFile], held: Held | None, rules: Rules, budgets: Sequence[Budget]
) -> Choice | None:
    """The lock's own choice, where only runs on the device could tell whether it is the best.

    Returns:
        None where the choice is to be made: it rests on no run, or the locked candidate fails a budget on samples.
    """
    quantities = [*(term.quantity for term in rules.objective), *(budget.quantity for budget in budgets)]
    if held is None or rules.choose is not None or not any(family(quantity) in RUN for quantity in quantities):
        return None
    made = [item for item in candidates if item.refusal is None]
    if held.choice is None:
        near = next((item for item in made if held.artifact and item.digest == held.artifact), None)
        return Choice(None, near.name, ("Nothing ships: the lock says so.",)) if near else None
    chosen = next((item for item in made if item.name == held.choice), None)
    if chosen is None:
        return None
    known = [verdict for verdict in chosen.verdicts if family(verdict.quantity) not in RUN]
    if not held.measured and worst(known) == "fail":
        return None
    return Choice(chosen.name, None, (f"`{chosen.name}` ships: the lock says so.",))
