"""Steps of a plan: operators with their constants bound, reading and writing numbered places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.halves import rounded

Values = list[Any]


@dataclass(slots=True)
class Kind:
    """What a variable holds."""

    dtype: np.dtype[Any] | None
    """None for what is no tensor."""
    rounds: bool
    """To float16, after its operator."""

    def settled(self, value: Any) -> Any:
        """A value of this kind."""
        if self.dtype is None:
            return value
        array = np.asarray(value)
        if array.dtype != self.dtype:
            array = array.astype(self.dtype)
        return rounded(array) if self.rounds else array


@dataclass(slots=True)
class Step:
    """One operator."""

    name: str
    op: str
    call: Callable[..., Any]
    single: list[tuple[str, int]]
    """Arguments and the places of their values."""
    many: list[tuple[str, list[int]]]
    """Arguments that take several values."""
    outputs: list[int]
    kinds: list[Kind]
    sees: bool = False
    """Whether the call gets all places first: its blocks use them."""
    within: set[int] = field(default_factory=set)
    """Places that its blocks read."""
    lasting: bool = False
    """Whether it does more than to give values."""
    loses: bool = False
    """Whether float16 could not hold one of its constants."""
    freed: list[int] = field(default_factory=list)

    def run(self, values: Values) -> None:
        """Read the places, compute, write the places."""
        given = {name: values[place] for name, place in self.single}
        for name, places in self.many:
            given[name] = [values[place] for place in places]
        found = self.call(values, **given) if self.sees else self.call(**given)
        if len(self.outputs) == 1:
            values[self.outputs[0]] = self.kinds[0].settled(found)
        else:
            for place, kind, value in zip(self.outputs, self.kinds, found, strict=True):
                values[place] = kind.settled(value)
        for place in self.freed:
            values[place] = None

    def reads(self) -> set[int]:
        """Every place it needs."""
        return {place for _, place in self.single} | {p for _, places in self.many for p in places} | self.within


def lean(steps: list[Step], wanted: set[int]) -> list[Step]:
    """Without steps whose values nobody reads."""
    needed, kept = set(wanted), []
    for step in reversed(steps):
        if step.lasting or needed.intersection(step.outputs):
            kept.append(step)
            needed |= step.reads()
    return kept[::-1]


def free(steps: list[Step], wanted: set[int]) -> None:
    """Have each step forget what nobody reads after it."""
    seen = set(wanted)
    for step in reversed(steps):
        used = step.reads() | set(step.outputs)
        step.freed = sorted(used - seen)
        seen |= used
