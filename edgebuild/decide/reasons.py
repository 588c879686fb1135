"""Why a choice came about, as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.core.dossier import SELECT, CandidateFile
from edgebuild.core.evidence import Verdict
from edgebuild.decide.budgets import Term
from edgebuild.decide.limits import percentage

DUE = "Measurement due"
"""How a note begins on numbers that are to be taken again."""


def margin(verdict: Verdict) -> float:
    """The verdict's margin, or 0 where it has none."""
    return verdict.margin if verdict.margin is not None else 0.0


def near_words(candidate: CandidateFile) -> str:
    """By how much the nearest miss misses."""
    missed = [
        f"{verdict.quantity} by {percentage(-margin(verdict), 1)}"
        for verdict in candidate.verdicts
        if verdict.status == "fail"
    ]
    near = f"`{candidate.name}` comes nearest and misses {listed(missed, '')}."
    return f"No candidate meets every budget on `{SELECT}`; {near}"


def eligible_words(eligible: Sequence[CandidateFile], made: Sequence[CandidateFile], level: int) -> str:
    """How many are in the running, and what is not proven of them."""
    short = (
        "",
        " No budget fails, but some are unproven.",
        " No budget fails, but some are inconclusive.",
    )[level]
    one = len(eligible) == 1
    meet = ("meets" if one else "meet") + " every budget" if level == 0 else ("is" if one else "are") + " left"
    return f"{listed([item.name for item in eligible])} {meet} on `{SELECT}`, of {len(made)} that were made.{short}"


def term_words(
    left: Sequence[CandidateFile], tied: Sequence[CandidateFile], term: Term, values: dict[str, float]
) -> str:
    """What one term decided."""
    first, *others = sorted(tied, key=lambda item: values[item.name], reverse=term.direction == "maximize")
    out = sorted(
        (item for item in left if item not in tied), key=lambda item: abs(values[item.name] - values[first.name])
    )
    beside = f", with {listed([item.name for item in others])} within the tie" if others else ""
    change = relative_words(values[out[0].name], values[first.name])
    direction = "lowest" if term.direction == "minimize" else "highest"
    return f"`{first.name}` has the {direction} {term.quantity}{beside}; the next, `{out[0].name}`, is {change}."


def relative_words(value: float, best: float) -> str:
    """A number beside a better one."""
    if best <= 0 or value <= 0:
        return f"{value:.4g} against {best:.4g}"
    return f"{percentage(abs(value / best - 1))} {'above' if value > best else 'below'} it"


def listed(names: Sequence[str], quote: str = "`") -> str:
    """Names in a sentence."""
    quoted = [f"{quote}{name}{quote}" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
