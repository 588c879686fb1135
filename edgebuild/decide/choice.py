"""Verdicts and terms → the candidate that ships.

Names carry no meaning here; only the order of the spec breaks the last tie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgebuild.core.dossier import SELECT, CandidateFile, source_of
from edgebuild.core.evidence import Status
from edgebuild.decide.budgets import Term, family
from edgebuild.decide.reasons import eligible_words, listed, margin, near_words, term_words
from edgebuild.decide.verdicts import COMMITTED, RUN, TIMED, higher_is_better, worst

DEFAULT_OBJECTIVE = (
    Term(direction="minimize", quantity="latency.p50", tie=0.03),
    Term(direction="minimize", quantity="size"),
)


@dataclass(frozen=True)
class Rules:
    """What decides between candidates, besides their numbers."""

    objective: Sequence[Term] = DEFAULT_OBJECTIVE
    dead_band: float = 0.03
    """Relative difference of latencies that one run cannot tell from none."""
    contended: str = ""
    """Why the timing run does not count; its numbers then order nothing."""
    due: str = ""
    """Why some candidate could not be timed this time."""
    unmeasured: str = ""
    """Why nothing is measured; numbers of runs then order nothing."""
    choose: str | None = None
    """The spec pins this candidate."""
    incumbent: str | None = None
    """Name of the candidate the lock holds, if it is still one."""
    changes: Mapping[str, int] = field(default_factory=dict)
    """Candidate to number of things that are done to the source."""

    def unordered(self, term: Term) -> str:
        """Why the numbers of this build say nothing of a term, or ""."""
        if self.contended and family(term.quantity) in TIMED:
            return f"the timing run does not count: {self.contended}"
        return self.unmeasured if family(term.quantity) in RUN else ""


@dataclass(frozen=True)
class Choice:
    """What ships, and how that came about."""

    name: str | None
    nearest: str | None
    """The candidate whose worst budget is broken least, where none may ship."""
    decisions: tuple[str, ...]
    notes: tuple[str, ...] = ()
    barred: dict[str, str] = field(default_factory=dict)


def choose(candidates: Sequence[CandidateFile], rules: Rules) -> Choice:
    """Apply the rules of choosing to candidates that carry their verdicts on `select`."""
    made = [candidate for candidate in candidates if candidate.refusal is None]
    if not made:
        return Choice(None, None, ("No candidate could be made.",))
    if rules.choose is not None:
        return pinned(candidates, rules.choose)
    barred = slower_than_source(made, rules)
    open_ = [candidate for candidate in made if candidate.name not in barred]
    eligible, level = eligible_of(open_)
    if not eligible:
        near = nearest_miss(made)
        return Choice(None, near.name, (*barred.values(), near_words(near)), (), barred)
    winner, decisions, notes = best_of(eligible, rules)
    opening = eligible_words(eligible, made, level)
    return Choice(winner.name, None, (*barred.values(), opening, *decisions), tuple(notes), barred)


def pinned(candidates: Sequence[CandidateFile], name: str) -> Choice:
    """The spec's own choice; its verdicts stand."""
    for candidate in candidates:
        if candidate.name == name and candidate.refusal is None:
            return Choice(name, None, (f"`{name}` ships because the spec says `choose: {name}`; its verdicts stand.",))
    return Choice(None, None, (f"The spec says `choose: {name}`, which could not be made.",))


def slower_than_source(made: Sequence[CandidateFile], rules: Rules) -> dict[str, str]:
    """Candidates that are surely slower than a source that meets every budget, each with the sentence that says so."""
    first = rules.objective[0] if rules.objective else None
    if first is None or first.direction != "minimize" or family(first.quantity) != "latency" or rules.unordered(first):
        return {}
    source = source_of(made)
    if source is None or worst(source.verdicts) != "pass":
        return {}
    limit = 1 + rules.dead_band
    found = {}
    for candidate in made:
        median, low, _ = candidate.ratio.get(first.quantity, (0.0, 0.0, 0.0))
        if candidate is not source and low > limit:
            found[candidate.name] = (
                f"`{candidate.name}` is barred: its {first.quantity} is {median:.2f} × the source's "
                f"(at least {low:.2f}), and the source meets every budget."
            )
    return found


LEVELS: tuple[frozenset[Status], ...] = (
    frozenset({"pass"}),
    frozenset({"pass", "unproven"}),
    frozenset({"pass", "unproven", "inconclusive"}),
)
"""A candidate of an earlier level is preferred to all of a later one; one that fails a budget is of none."""


def eligible_of(candidates: Sequence[CandidateFile]) -> tuple[list[CandidateFile], int]:
    """The candidates of the first level that has any, and which level that is."""
    for level, allowed in enumerate(LEVELS):
        found = [item for item in candidates if all(verdict.status in allowed for verdict in item.verdicts)]
        if found:
            return found, level
    return [], len(LEVELS)


def best_of(eligible: Sequence[CandidateFile], rules: Rules) -> tuple[CandidateFile, list[str], list[str]]:
    """The winner, the sentences that lead to it, and the terms that were skipped."""
    left = list(eligible)
    decisions: list[str] = []
    notes: list[str] = []
    for term in rules.objective:
        values, basis = values_of(term, eligible, rules)
        held = next((item for item in left if item.name == rules.incumbent), None)
        if values is None:
            notes.append(f"`{term.direction}: {term.quantity}` was skipped: {basis}")
            if held is not None and (rules.unordered(term) or (rules.due and family(term.quantity) in TIMED)):
                # What came out when it was measured undisturbed is worth more than the terms behind it.
                decisions.append(f"`{held.name}` stays: it is locked, and {term.quantity} cannot be compared now.")
                return held, decisions, notes
            continue
        if len(left) == 1:
            break
        tied = ties(left, term, values, rules)
        if len(tied) < len(left):
            decisions.append(term_words(left, tied, term, values))
        left = tied
        if held in left and held is not None and len(left) > 1:
            others = listed([item.name for item in left if item is not held])
            decisions.append(f"`{held.name}` stays: it is locked, and {others} ties with it in {term.quantity}.")
            return held, decisions, notes
    return last_tie(left, decisions, rules), decisions, notes


def values_of(term: Term, candidates: Sequence[CandidateFile], rules: Rules) -> tuple[dict[str, float] | None, str]:
    """The number of each candidate by name, or None and why some candidate has none."""
    numbers = {item.name: item.measured(term.quantity, SELECT) for item in candidates}
    lacking = [name for name, number in numbers.items() if number is None or number.value is None]
    if lacking:
        whys = [number.why for number in numbers.values() if number is not None and number.value is None and number.why]
        return (
            None,
            f"{listed(lacking)} {'has' if len(lacking) == 1 else 'have'} no value. {whys[0] if whys else ''}".rstrip(),
        )
    fresh = any(number is not None and number.protocol != COMMITTED for number in numbers.values())
    if fresh and rules.unordered(term):
        return None, rules.unordered(term)
    # Ratios within one interleaved run say more than pooled values: drift of the machine cancels.
    if family(term.quantity) in TIMED and fresh and all(term.quantity in item.ratio for item in candidates):
        return {item.name: item.ratio[term.quantity][0] for item in candidates}, ""
    return {name: number.value for name, number in numbers.items() if number and number.value is not None}, ""


def ties(left: Sequence[CandidateFile], term: Term, values: dict[str, float], rules: Rules) -> list[CandidateFile]:
    """The best by one term, with all that cannot be told from it."""
    sign = 1.0 if term.direction == "minimize" else -1.0
    best = min(left, key=lambda item: sign * values[item.name])
    band = max(term.tie, rules.dead_band) if family(term.quantity) in TIMED else term.tie
    room = band * abs(values[best.name])
    return [
        item
        for item in left
        if sign * (values[item.name] - values[best.name]) <= room
        or (item.name == rules.incumbent and overlaps(item, best, term.quantity))
    ]


def overlaps(one: CandidateFile, other: CandidateFile, quantity: str) -> bool:
    """Whether the ratio intervals meet: a locked choice is only left for what is surely better."""
    if quantity not in one.ratio or quantity not in other.ratio:
        return False
    (_, low, high), (_, other_low, other_high) = one.ratio[quantity], other.ratio[quantity]
    return low <= other_high and other_low <= high


def last_tie(left: Sequence[CandidateFile], decisions: list[str], rules: Rules) -> CandidateFile:
    """Where every term ties: the locked one, else the smaller file, then fewer changes, then the first of the spec."""
    held = next((item for item in left if item.name == rules.incumbent), None)
    winner = held or min(left, key=lambda item: (size_of(item), rules.changes.get(item.name, 0)))
    if len(left) > 1:
        others = [item for item in left if item is not winner]
        why = "is locked" if held else preferred(winner, others, rules)
        decisions.append(f"{listed([item.name for item in left])} tie in every term; `{winner.name}` {why}.")
    return winner


def preferred(winner: CandidateFile, others: Sequence[CandidateFile], rules: Rules) -> str:
    """What decided where every term tied."""
    if all(size_of(winner) < size_of(item) for item in others):
        return "is the smallest"
    fewest = all(rules.changes.get(winner.name, 0) < rules.changes.get(item.name, 0) for item in others)
    return "has the fewest changes" if fewest else "is the smaller, has fewer changes, or is the earlier in the spec"


def size_of(candidate: CandidateFile) -> float:
    """Bytes; infinite where unknown."""
    number = candidate.measured("size")
    return number.value if number and number.value is not None else float("inf")


def nearest_miss(candidates: Sequence[CandidateFile]) -> CandidateFile:
    """The candidate whose worst margin is the least bad; a budget without a margin counts as neither."""

    def shortfall(candidate: CandidateFile) -> tuple[float, float]:
        broken = [-margin(verdict) for verdict in candidate.verdicts if verdict.status == "fail"]
        return max(broken, default=0.0), size_of(candidate)

    return min(candidates, key=shortfall)


def direction_of(candidate: CandidateFile, quantity: str) -> float:
    """1 where lower is better, -1 where higher is."""
    return -1.0 if higher_is_better(quantity, candidate.measured(quantity, SELECT)) else 1.0
