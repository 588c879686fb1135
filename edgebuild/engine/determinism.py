"""A share of what was found in the store, made again and compared: whether steps keep what they claim."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options
from edgebuild.engine.execute import Executor
from edgebuild.engine.oracle import Oracle
from edgebuild.engine.orders import Order
from edgebuild.engine.outcomes import Built, Failed, Outcome
from edgebuild.engine.results import Results
from edgebuild.engine.store import Store
from edgebuild.errors import Problem

OURS = "The step claims to be deterministic and is not, or bytes were tampered with; please report it."
USERS = "Seed what your function draws at random; let it depend on nothing that changes by itself, as the time does."


@dataclass(frozen=True)
class Check:
    """What came of it."""

    compared: int
    problems: tuple[Problem, ...]
    """A step that made other bytes from the same inputs, or could not be run again."""


def check_determinism(graph: Graph, store: Store, results: Results, share: float, options: Options) -> Check:
    """Run some of the steps that were found again, and compare bytes; nothing that is stored changes.

    Args:
        graph: what was built.
        store: where.
        results: of the build.
        share: of the steps that say they are deterministic, 0 to 1; at least one. Others are chosen on another day.
        options: of the build.

    Raises:
        KeyboardInterrupt: after the running step was ended.
    """
    oracle = Oracle(graph, store)
    outcomes = {step_id: results.outcome(step_id) for step_id in oracle.order}
    chosen = choose([step_id for step_id in oracle.order if comparable(oracle, step_id, outcomes)], share)
    problems: list[Problem] = []
    with store.scratch() as scratch:
        executor = Executor(store, scratch, options.workspace)
        try:
            for step_id in chosen:
                problems += compare(executor, oracle.order_for(step_id, outcomes), outcomes[step_id])
        except BaseException:
            executor.processes.stop()
            raise
    return Check(len(chosen), tuple(problems))


def comparable(oracle: Oracle, step_id: str, outcomes: Mapping[str, Outcome]) -> bool:
    """Whether the step claims the same bytes every time and has some."""
    node, outcome = oracle.graph.nodes[step_id], outcomes[step_id]
    return node.deterministic and not node.volatile and isinstance(outcome, Built) and not outcome.only_now


def choose(steps: list[str], share: float) -> list[str]:
    """A share of the steps, in their order; others on another day."""
    day = date.today().isoformat()
    ranked = sorted(steps, key=lambda step_id: hashlib.sha256(f"{day}{step_id}".encode()).digest())
    kept = set(ranked[: max(1, round(share * len(steps)))])
    return [step_id for step_id in steps if step_id in kept]


def compare(executor: Executor, order: Order, known: Outcome) -> list[Problem]:
    """Run one step beside what is stored."""
    assert isinstance(known, Built)
    found = executor.perform(replace(order, trial=True, noted=False), lambda *_: None)
    if isinstance(found, Built) and found.digest == known.digest:
        return []
    if isinstance(found, Failed):
        return [replace(problem, where=order.label) for problem in found.problems]
    made = found.digest if isinstance(found, Built) else type(found).__name__.lower()
    what = f"made {made} from the inputs that once gave {known.digest}."
    # What the user's own code draws at random is his to seed.
    fix = OURS if not order.codes else USERS
    return [Problem(order.label, what, fix)]
