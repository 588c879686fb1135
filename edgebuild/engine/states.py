"""What a build would do, from the same oracle that the build asks; no step in a process runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from edgebuild.core.graph import Graph
from edgebuild.core.wires import wires
from edgebuild.engine.changes import differences
from edgebuild.engine.execute import Executor
from edgebuild.engine.keys import ABSENT, Parts
from edgebuild.engine.oracle import Answer, Oracle
from edgebuild.engine.outcomes import Built, Declined, Outcome
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
        self.parts: dict[str, Parts] = {}
        """What each key would be made of, where all inputs are known or guessed."""
        self.keys: dict[str, str] = {}
        """Of steps whose output is known."""
        self._graph, self._store, self._workspace = graph, store, workspace
        self._outcomes: dict[str, Outcome] = {}
        self._unsure: dict[str, frozenset[str]] = {}
        """Steps whose output is a guess, to the labels of the steps that would have to give other bytes."""

    def states(self) -> dict[str, State]:
        """All states."""
        return {step_id: self._state(step_id) for step_id in self.oracle.order}

    def _state(self, step_id: str) -> State:
        step = self._graph.steps[step_id]
        unknown = [self.oracle.labels[wire.id] for wire in wires(step) if wire.id not in self._outcomes]
        if unknown:
            self._guess(step_id)
            return self._due(step_id, f"{unknown[0]} was never made here")
        try:
            answer = self.oracle.ask(step_id, self._outcomes)
        except KeyError as error:
            return self._due(step_id, str(error.args[0]))
        if answer.parts is not None:
            self.parts[step_id] = answer.parts
        if type(step).volatile and type(step).inline:
            answer = self._asked(answer)
        doubts = frozenset[str]().union(*(self._unsure.get(wire.id, frozenset()) for wire in wires(step)))
        if answer.outcome is None:
            return self._missing(step_id, answer)
        self._outcomes[step_id], self.keys[step_id] = answer.outcome, answer.key
        if doubts:
            self._unsure[step_id] = doubts
            return State("may run", f"only if {', '.join(sorted(doubts))} gives other bytes", self._cost(step_id))
        name: Name = "refused" if isinstance(answer.outcome, Declined) else "cached"
        why = answer.outcome.refusal.why if isinstance(answer.outcome, Declined) else ""
        return State(name, why, self._store.cost(answer.key))

    def _missing(self, step_id: str, answer: Answer) -> State:
        tools: Mapping[str, str] = answer.parts["tools"] if answer.parts else {}
        absent = [tool for tool, version in tools.items() if version == ABSENT]
        self._guess(step_id)
        if absent:
            return State("unavailable", f"not installed: {', '.join(absent)}")
        return self._due(step_id, self._what_changed(step_id))

    def _due(self, step_id: str, why: str) -> State:
        name: Name = "measurement due" if type(self._graph.steps[step_id]).alone else "will run"
        return State(name, why, self._cost(step_id))

    def _what_changed(self, step_id: str) -> str:
        last = self._store.history.last(self._workspace, self.oracle.labels[step_id])
        if last is None:
            return "never built here"
        if type(self._graph.steps[step_id]).volatile:
            return "asked in every build"
        changes = differences(last.parts, self.parts[step_id], {})
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

    def _asked(self, answer: Answer) -> Answer:
        assert answer.order is not None
        with self._store.scratch() as scratch:
            found = Executor(self._store, scratch, self._workspace).perform(replace(answer.order, noted=False), _untold)
        outcome = found if isinstance(found, Built | Declined) else None
        return Answer(answer.order, answer.key, answer.parts, outcome)


def _untold(done: int, total: int, what: str) -> None:
    """Nobody watches a forecast."""
