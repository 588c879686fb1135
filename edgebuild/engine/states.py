"""What a build would do, from the same oracle that the build asks; no step in a process runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edgebuild.core.graph import Graph
from edgebuild.engine.changes import differences
from edgebuild.engine.execute import Executor
from edgebuild.engine.keys import ABSENT, Parts
from edgebuild.engine.oracle import Answer, Oracle
from edgebuild.engine.outcomes import Built, Declined, Outcome
from edgebuild.engine.seen import Seen, as_now
from edgebuild.engine.store import Store

Name = Literal["cached", "refused", "will run", "may run", "measurement due", "unavailable"]


@dataclass(frozen=True)
class State:
    """What a build would do with one step."""

    name: Name
    why: str = ""
    last_s: float | None = None
    """Seconds it took when it last ran under this name or key."""


def states(graph: Graph, store: Store, workspace: str = "") -> dict[str, State]:
    """The state of every step that is wanted, in topological order.

    Steps that are volatile and inline are asked: they are ours, read the machine alone and take milliseconds; without
    them nothing measured could be called cached.
    """
    return Forecast(graph, store, workspace).states()


class Forecast:
    """One walk over the graph with the outputs that are known, or were the last time."""

    def __init__(self, graph: Graph, store: Store, workspace: str) -> None:
        self.oracle = Oracle(graph, store)
        store.ahead.read(workspace, self.oracle.labels.values())
        self.keys: dict[str, str] = {}
        """Of steps whose output is known."""
        self._graph, self._store, self._workspace = graph, store, workspace
        self._outcomes: dict[str, Outcome] = {}
        self._seen: dict[str, Seen | None] = {}
        self._unsure: dict[str, frozenset[str]] = {}
        """Steps whose output is a guess, to the labels of the steps that would have to give other bytes."""

    def states(self) -> dict[str, State]:
        """All states."""
        return {step_id: self._state(step_id) for step_id in self.oracle.order}

    def _state(self, step_id: str) -> State:
        node = self._graph.nodes[step_id]
        unknown = [self.oracle.labels[wire.id] for wire in node.wires if wire.id not in self._outcomes]
        if unknown:
            self._guess(step_id)
            return self._due(step_id, f"{unknown[0]} was never made here")
        try:
            answer = self.oracle.ask(step_id, self._outcomes)
        except KeyError as error:
            return self._due(step_id, str(error.args[0]))
        if node.volatile and node.inline:
            answer = self._asked(step_id)
        doubts = frozenset[str]().union(*(self._unsure.get(wire.id, frozenset()) for wire in node.wires))
        if answer.outcome is None:
            return self._missing(step_id)
        self._outcomes[step_id], self.keys[step_id] = answer.outcome, answer.key
        self._seen[step_id] = answer.seen
        if doubts:
            self._unsure[step_id] = doubts
            return State("may run", f"only if {', '.join(sorted(doubts))} gives other bytes", self._cost(step_id))
        name: Name = "refused" if isinstance(answer.outcome, Declined) else "cached"
        why = answer.outcome.refusal.why if isinstance(answer.outcome, Declined) else ""
        return State(name, why, self._store.cost(answer.key))

    def parts(self, step_id: str) -> Parts | None:
        """What the key would be made of; None where an input was never made, or is refused."""
        try:
            return self.oracle.parts(step_id, self._outcomes, self._seen.get(step_id) or self._seen_before(step_id))
        except KeyError:
            return None

    def _seen_before(self, step_id: str) -> Seen | None:
        """What its user code was seen to read the last time, as it is now: that tells what changed."""
        last = self._store.history.last(self._workspace, self.oracle.labels[step_id])
        roots = [Path(root) for root in self._graph.nodes[step_id].roots]
        before = last.parts.get("seen") if last and roots else None
        return as_now(before, roots, self._store) if before else None

    def _missing(self, step_id: str) -> State:
        versions = self.oracle.versions(self._graph.nodes[step_id])
        absent = [tool for tool, version in versions.items() if version == ABSENT]
        self._guess(step_id)
        if absent:
            return State("unavailable", f"not installed: {', '.join(absent)}")
        return self._due(step_id, self._what_changed(step_id))

    def _due(self, step_id: str, why: str) -> State:
        name: Name = "measurement due" if self._graph.nodes[step_id].measures else "will run"
        return State(name, why, self._cost(step_id))

    def _what_changed(self, step_id: str) -> str:
        last = self._store.history.last(self._workspace, self.oracle.labels[step_id])
        if last is None:
            return "never built here"
        if self._graph.nodes[step_id].volatile:
            return "asked in every build"
        parts = self.parts(step_id)
        changes = differences(last.parts, parts, {}) if parts else ()
        return ", ".join(dict.fromkeys(f"{change.part} {change.name}".strip() for change in changes[:3]))

    def _guess(self, step_id: str) -> None:
        """Take the last known output for the coming one, and remember that it is a guess."""
        label = self.oracle.labels[step_id]
        last = self._store.history.last(self._workspace, label)
        if last and last.digest:
            self._outcomes[step_id] = Built(last.digest, last.size)
            self._unsure[step_id] = frozenset({label})

    def _cost(self, step_id: str) -> float | None:
        last = self._store.history.last(self._workspace, self.oracle.labels[step_id])
        return self._store.cost(last.key) if last else None

    def _asked(self, step_id: str) -> Answer:
        order = replace(self.oracle.order_for(step_id, self._outcomes), noted=False)
        with self._store.scratch() as scratch:
            found = Executor(self._store, scratch, self._workspace).perform(order, _untold)
        return Answer(outcome=found if isinstance(found, Built | Declined) else None)


def _untold(done: int, total: int, what: str) -> None:
    """Nobody watches a forecast."""
