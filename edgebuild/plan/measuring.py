"""How the candidates of a target that is here are timed."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.core.wires import Artifact
from edgebuild.decide.budgets import Budget
from edgebuild.measure.latency import SummarizeLatency
from edgebuild.measure.time import TimeCandidates, Timed
from edgebuild.plan.candidate import CandidatePlan
from edgebuild.plan.target import TargetLowering

MEASURING_S = 6.0
"""Time for the runs of one target's candidates where `effort.time` does not say less."""


def time_target(to: TargetLowering, entrants: Sequence[CandidatePlan], held: str) -> Artifact:
    """All candidates beside each other; returns the summary of the run.

    Args:
        to: where the steps go.
        entrants: the candidates, `source` first.
        held: digest of the model that the lock holds.
    """
    spec = to.shared.spec
    step = TimeCandidates(
        models=tuple(Timed(model=entrant.model.attempt(), call=entrant.call) for entrant in entrants),
        samples=to.shared.feeds,
        facts=to.facts,
        threads=max(int(entrant.call.options.get("threads", 1)) for entrant in entrants),
        seconds=min(MEASURING_S, spec.effort.time_s or MEASURING_S),
        limits=limits_ms(spec.budgets.get(to.name, ()), to.shared.period_ms),
        incumbents=(held,) if held else (),
        max_age_s=spec.max_age_s,
    )
    timing = to.shared.add(step, f"{to.name}: time the candidates")
    return to.shared.add(SummarizeLatency(timing=timing), f"{to.name}: summarise the latencies")


def limits_ms(budgets: Sequence[Budget], period_ms: float | None = None) -> tuple[float, ...]:
    """Limits on a latency in ms, those on throughput and on the real-time factor as the latency that they allow."""
    absolute = [budget for budget in budgets if not budget.relative and budget.limit > 0]
    found = [budget.limit for budget in absolute if budget.quantity.startswith("latency.")]
    found += [1000 / budget.limit for budget in absolute if budget.quantity == "throughput"]
    found += [budget.limit * period_ms for budget in absolute if budget.quantity == "rtf" and period_ms]
    return tuple(sorted(set(found)))
