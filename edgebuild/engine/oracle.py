"""The one question a build, a plan and an explanation ask: is this step's output known?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgebuild.core.graph import Graph
from edgebuild.core.node import Inlet, Node
from edgebuild.engine.keys import ABSENT, Parts, joined, parts_of, platform, versions_of
from edgebuild.engine.orders import Given, Order
from edgebuild.engine.outcomes import Built, Declined, Outcome, refusal_of
from edgebuild.engine.seen import Seen, still_so
from edgebuild.engine.store import Store
from edgebuild.errors import MissingToolError, Problem


@dataclass(frozen=True, slots=True)
class Answer:
    """What the oracle says of one step."""

    key: str = ""
    """Under which the outcome was found; empty for a step that has to run, or is refused through an input."""
    outcome: Built | Declined | None = None
    """None: it has to run."""
    seen: Seen | None = None
    """The files that user code was seen to read, where a set of them holds."""


class Oracle:
    """Answers for the steps of one graph; every input must have its outcome when its reader is asked about."""

    def __init__(self, graph: Graph, store: Store, *, remeasure: bool = False) -> None:
        """Answer from a store.

        Args:
            graph: whose steps.
            store: what is known.
            remeasure: whether every measurement is to be taken again.
        """
        self.graph, self.store, self.remeasure = graph, store, remeasure
        self.until: float | None = None
        """When the first of the outputs that were found will be too old, in seconds since 1970."""
        self.order = needed(graph)
        self.place = {step_id: number for number, step_id in enumerate(self.order)}
        self.labels = _distinct_labels(graph, self.order)
        self.remeasured: set[str] = set()
        """Measurements that this build has taken."""
        self._versions: dict[tuple[str, ...], dict[str, str]] = {}

    def ask(self, step_id: str, outcomes: Mapping[str, Outcome]) -> Answer:
        """Whether the step's output is known, given what its inputs became.

        Raises:
            KeyError: a wire leads to a member that its folder does not have.
        """
        node = self.graph.nodes[step_id]
        inputs: dict[str, str] = {}
        for wire in node.wires:
            outcome = outcomes[wire.id]
            if type(outcome) is Built:
                inputs[wire.place] = self._member(wire, outcome).digest if wire.member else outcome.digest
                continue
            refusal = refusal_of(outcome)
            if refusal and not wire.attempt:
                return Answer(outcome=Declined(refusal, inherited=True))
            inputs[wire.place] = self._give(wire, outcome).name
        if node.volatile or self.anew(node):
            return Answer()
        answer = self._look_up(node, inputs)
        return answer if node.max_age is None or self._in_time(answer.key, node.max_age) else Answer()

    def anew(self, node: Node) -> bool:
        """Whether a measurement is to be taken again, whatever is stored."""
        return self.remeasure and node.measures and node.id not in self.remeasured

    def _in_time(self, key: str, max_age: float) -> bool:
        until = self.store.valid_until(key, max_age)
        if until is None:
            return False
        self.until = min(self.until or until, until)
        return True

    def order_for(self, step_id: str, outcomes: Mapping[str, Outcome], expected: str = "") -> Order:
        """What it takes to run the step; `expected` where it makes lost bytes again."""
        node = self.graph.nodes[step_id]
        given = {wire.place: self._give(wire, outcomes[wire.id]) for wire in node.wires}
        parts = parts_of(node, {place: item.name for place, item in given.items()}, self.store.user_files.digest)
        fresh = not expected and self.anew(node)
        inlets = tuple(dict.fromkeys(given.values()))
        return Order(node.step, self.labels[step_id], inlets, parts, expected, fresh=fresh)

    def parts(self, step_id: str, outcomes: Mapping[str, Outcome], seen: Seen | None) -> Parts:
        """All that decides the output."""
        parts = self.order_for(step_id, outcomes).parts
        return parts if seen is None else {**parts, "seen": seen}

    def _member(self, wire: Inlet, built: Built) -> Built:
        try:
            return self.store.member(built.digest, wire.member)
        except KeyError:
            raise KeyError(f"the output of {self.labels[wire.id]} holds no `{wire.member}`") from None

    def _give(self, wire: Inlet, outcome: Outcome) -> Given:
        refusal = refusal_of(outcome)
        if refusal:
            return Given(wire.id, wire.member, wire.filename, "", refusal)
        if not isinstance(outcome, Built):
            raise KeyError(f"{self.labels[wire.id]} has no output")
        return Given(wire.id, wire.member, wire.filename, self._member(wire, outcome).digest)

    def versions(self, node: Node) -> dict[str, str]:
        """Versions of a step's tools."""
        found = self._versions.get(node.tools)
        if found is None:
            found = self._versions[node.tools] = versions_of(node.tools, self.store.user_files.digest)
        return found

    def _look_up(self, node: Node, inputs: dict[str, str]) -> Answer:
        rest = (node.static, self.versions(node), inputs, None if node.portable else platform())
        prekey = joined(*rest)
        if not node.roots:
            return Answer(prekey, self.store.action(prekey))
        roots = [Path(root) for root in node.roots]
        for seen in self.store.seen_sets(prekey):
            if still_so(seen, roots, self.store):
                key = joined(*rest, seen)
                outcome = self.store.action(key)
                if outcome:
                    return Answer(key, outcome, seen)
        return Answer()


def check_tools(label: str, versions: Mapping[str, str]) -> None:
    """Say before a process starts that a tool of the step is not there.

    Raises:
        MissingToolError: with every one that is missing.
    """
    missing = [tool for tool, version in versions.items() if version == ABSENT]
    if missing:
        raise MissingToolError(
            *(Problem(label, f"The package `{tool}` is not installed.", f"pip install {tool}") for tool in missing)
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
    return [step_id for step_id in graph.nodes if step_id in found]


def _distinct_labels(graph: Graph, order: list[str]) -> dict[str, str]:
    """One name for each step, under which its history is kept; equal ones are numbered."""
    used: Counter[str] = Counter()
    labels = {}
    for step_id in order:
        label = graph.label(step_id)
        used[label] += 1
        labels[step_id] = label if used[label] == 1 else f"{label} ({used[label]})"
    return labels
