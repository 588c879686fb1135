"""The one question a build, a plan and an explanation ask: is this step's output known?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from edgebuild.core.graph import Graph
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact, user_code, wires
from edgebuild.engine.keys import ABSENT, Parts, Wire, key_of, parts_of, refusal_digest
from edgebuild.engine.orders import Given, Order
from edgebuild.engine.outcomes import Built, Declined, Outcome, refusal_of
from edgebuild.engine.seen import roots_of, still_so
from edgebuild.engine.store import Store
from edgebuild.errors import MissingToolError, Problem


@dataclass(frozen=True)
class Answer:
    """What the oracle says of one step."""

    order: Order | None
    """None where the step is refused through an input."""
    key: str = ""
    """Under which the outcome was found; empty for a step that has to run."""
    parts: Parts | None = None
    """All that decides the output, the files seen included where a set of them holds."""
    outcome: Built | Declined | None = None
    """None: it has to run."""


class Oracle:
    """Answers for the steps of one graph; every input must have its outcome when its reader is asked about."""

    def __init__(self, graph: Graph, store: Store) -> None:
        self.graph, self.store = graph, store
        self.order = needed(graph)
        self.place = {step_id: number for number, step_id in enumerate(self.order)}
        self.labels = _distinct_labels(graph, self.order)

    def ask(self, step_id: str, outcomes: Mapping[str, Outcome]) -> Answer:
        """Whether the step's output is known, given what its inputs became.

        Raises:
            KeyError: a wire leads to a member that its folder does not have.
        """
        step = self.graph.steps[step_id]
        for wire in wires(step):
            refusal = refusal_of(outcomes[wire.id])
            if isinstance(wire, Artifact) and refusal:
                return Answer(None, outcome=Declined(refusal, inherited=True))
        order = self.order_for(step_id, outcomes)
        if type(step).volatile:
            return Answer(order, parts=order.parts)
        return self._look_up(step, order)

    def order_for(self, step_id: str, outcomes: Mapping[str, Outcome], expected: str = "") -> Order:
        """What it takes to run the step; `expected` where it makes lost bytes again."""
        step = self.graph.steps[step_id]
        given = {wire: self._give(wire, outcomes[wire.id]) for wire in wires(step)}
        parts = parts_of(step, lambda wire: _name(given[wire]), self.store.user_files.digest)
        return Order(step, self.labels[step_id], tuple(given.values()), parts, expected)

    def _give(self, wire: Wire, outcome: Outcome) -> Given:
        refusal = refusal_of(outcome)
        if refusal:
            return Given(wire.id, wire.member, wire.filename, "", refusal)
        if not isinstance(outcome, Built):
            raise KeyError(f"{self.labels[wire.id]} has no output")
        try:
            digest = self.store.member(outcome.digest, wire.member).digest
        except KeyError:
            raise KeyError(f"the output of {self.labels[wire.id]} holds no `{wire.member}`") from None
        return Given(wire.id, wire.member, wire.filename, digest)

    def _look_up(self, step: Step, order: Order) -> Answer:
        prekey = key_of(order.parts)
        if not any(user_code(step)):
            return Answer(order, prekey, order.parts, self.store.action(prekey))
        roots = roots_of(step)
        for seen in self.store.seen_sets(prekey):
            if still_so(seen, roots, self.store):
                parts = {**order.parts, "seen": seen}
                outcome = self.store.action(key_of(parts))
                if outcome:
                    return Answer(order, key_of(parts), parts, outcome)
        return Answer(order, "", order.parts)


def check_tools(order: Order) -> None:
    """Say before a process starts that a tool of the step is not there.

    Raises:
        MissingToolError: with every one that is missing.
    """
    missing = [tool for tool, version in order.parts["tools"].items() if version == ABSENT]
    if missing:
        raise MissingToolError(
            *(
                Problem(order.label, f"The package `{tool}` is not installed.", f"pip install {tool}")
                for tool in missing
            )
        )


def needed(graph: Graph) -> list[str]:
    """Identities of the ancestors of all that is wanted, in topological order."""
    found: set[str] = set()
    stack = [artifact.id for artifact in graph.wanted.values()]
    while stack:
        step_id = stack.pop()
        if step_id not in found:
            found.add(step_id)
            stack.extend(graph.needs(step_id))
    return [step_id for step_id in graph.steps if step_id in found]


def _name(given: Given) -> str:
    return refusal_digest(given.refusal) if given.refusal else given.digest


def _distinct_labels(graph: Graph, order: list[str]) -> dict[str, str]:
    """One name for each step, under which its history is kept; equal ones are numbered."""
    used: Counter[str] = Counter()
    labels = {}
    for step_id in order:
        label = graph.label(step_id)
        used[label] += 1
        labels[step_id] = label if used[label] == 1 else f"{label} ({used[label]})"
    return labels
