"""`objective`: what to choose by, among the candidates that meet the budgets."""

from __future__ import annotations

from typing import Any

from edgebuild.decide.budgets import Term
from edgebuild.documents import Loc
from edgebuild.documents.quantities import QuantityError, fraction
from edgebuild.spec.budgets import Known, subject
from edgebuild.spec.check import Checker

DEFAULT_OBJECTIVE = (
    Term(direction="minimize", quantity="latency.p50", tie=0.03),
    Term(direction="minimize", quantity="size"),
)


def objective(checker: Checker, loc: Loc, written: Any, known: Known) -> tuple[Term, ...]:
    """The terms of an objective, one mapping or a list of them."""
    if written is None:
        return DEFAULT_OBJECTIVE
    items = written if isinstance(written, list) else [written]
    places = [(*loc, index) for index in range(len(items))] if isinstance(written, list) else [loc]
    if not items:
        checker.say(loc, "has no term.", "Write `[{minimize: latency.p50, tie: 3 %}, {minimize: size}]`.")
    terms = [term(checker, place, item, known) for place, item in zip(places, items, strict=True)]
    return tuple(found for found in terms if found is not None)


def term(checker: Checker, loc: Loc, written: Any, known: Known) -> Term | None:
    """One term: `{minimize: latency.p50, tie: 3 %}`."""
    if not isinstance(written, dict):
        checker.say(loc, "must be a mapping.", "Write `{minimize: latency.p50, tie: 3 %}`.")
        return None
    for key in written:
        if key not in ("minimize", "maximize", "tie"):
            checker.unknown_key((*loc, key), ("minimize", "maximize", "tie"))
    directions = [key for key in ("minimize", "maximize") if key in written]
    if len(directions) != 1:
        if all(key in ("minimize", "maximize", "tie") for key in written):
            checker.say(loc, "needs either `minimize` or `maximize`.", "Write `{minimize: latency.p50, tie: 3 %}`.")
        return None
    direction, name, tie = directions[0], written[directions[0]], 0.0
    try:
        tie = fraction(written["tie"]) if "tie" in written else 0.0
    except QuantityError as error:
        checker.say((*loc, "tie"), str(error), error.fix)
    if not isinstance(name, str):
        checker.say((*loc, direction), "must be the name of a quantity.", "Write `latency.p50`.")
        return None
    about = subject(checker, (*loc, direction), name, known, "value")
    if about is None:
        return None
    if (direction == "maximize") != about.higher:
        other = "maximize" if about.higher else "minimize"
        better = "higher" if about.higher else "lower"
        checker.say((*loc, direction), f"`{name}` is better when it is {better}.", f"Write `{other}`.", key=True)
    return Term(direction=direction, quantity=name, tie=tie)
