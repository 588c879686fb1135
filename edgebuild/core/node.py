"""What a walk over the graph must know of a step, without the step: kept and read by the thousand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

from edgebuild.core.step import Step
from edgebuild.core.wires import Attempt, placed, user_code


class Inlet(NamedTuple):
    """A wire of a node."""

    id: str
    """Identity of the step that makes what it leads to."""
    filename: str
    member: str
    place: str
    """Path of the field that holds it: `models[0].model`."""
    attempt: bool
    """Whether its reader can do without."""


class Node:
    """A step's identity, wiring and traits; the step itself is loaded when it must run."""

    __slots__ = (
        "_equals", "_load", "_step", "id", "kind", "max_age", "needs", "roots", "static", "tools", "traits", "wires",
    )  # fmt: skip

    def __init__(self, row: tuple[Any, ...], load: Callable[[], Step]) -> None:
        """Take a node from its row.

        Args:
            row: what `row` gives.
            load: finds the step.
        """
        self.id: str
        self.kind: str
        self.static: str
        self.tools: tuple[str, ...]
        self.traits: str
        self.roots: tuple[str, ...]
        self.max_age: float | None
        self.id, self.kind, self.static, tools, self.traits, self.max_age, roots, wires = row
        self.tools, self.roots = tuple(tools), tuple(roots)
        self.wires = tuple([Inlet(*wire) for wire in wires])
        self.needs = list(dict.fromkeys([wire.id for wire in self.wires]))
        self._load = load
        self._step: Step | None = None
        self._equals: list[Node] = []

    @classmethod
    def of(cls, step: Step) -> Self:
        """The node of a step at hand."""
        kind = type(step)
        traits = "".join(mark for mark, name in TRAITS.items() if getattr(kind, name, False))
        traits += MERGES if kind.merged is not Step.merged else ""
        wires = [
            (wire.id, wire.filename, wire.member, place, isinstance(wire, Attempt)) for place, wire in placed(step)
        ]
        roots = tuple(dict.fromkeys(code.root for code in user_code(step)))
        row = (step.id, step.kind(), step.static, sorted(kind.tools), traits, step.max_age(), roots, wires)
        node = cls(row, lambda: step)
        node._step = step
        return node

    def row(self) -> tuple[Any, ...]:
        """Plain data from which an equal node is made."""
        return (self.id, self.kind, self.static, self.tools, self.traits, self.max_age, self.roots, self.wires)

    @property
    def step(self) -> Step:
        """The step itself, merged with those that are equal to it."""
        if self._step is None:
            self._step = self._load()
        while self._equals:
            self._step = self._step.merged(self._equals.pop(0).step)
        return self._step

    def absorb(self, equal: Node) -> None:
        """Stand for an equal node too: of two ages the stricter one holds, and the step is merged when it is asked for.

        That is put off because a plan of thousands of nodes is joined without loading one.
        """
        if equal is self or MERGES not in self.traits:
            return
        ages = [age for age in (self.max_age, equal.max_age) if age is not None]
        self.max_age = min(ages, default=None)
        self._equals.append(equal)

    @property
    def portable(self) -> bool:
        """See `Step.portable`."""
        return "p" in self.traits

    @property
    def deterministic(self) -> bool:
        """See `Step.deterministic`."""
        return "d" in self.traits

    @property
    def volatile(self) -> bool:
        """See `Step.volatile`."""
        return "v" in self.traits

    @property
    def alone(self) -> bool:
        """See `Step.alone`."""
        return "a" in self.traits

    @property
    def measures(self) -> bool:
        """Whether it takes numbers of a machine, which are taken again on request."""
        return self.alone or "w" in self.traits

    @property
    def inline(self) -> bool:
        """See `Step.inline`."""
        return "i" in self.traits


TRAITS = {"p": "portable", "d": "deterministic", "v": "volatile", "a": "alone", "i": "inline", "w": "measures"}
"""Letter in a node's row, to the class variable of a step; one that is not set is false."""

MERGES = "m"
"""Letter of a step whose equals have a say in it (see `Step.merged`)."""
