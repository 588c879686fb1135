"""What float16 does to each operator of a float32 program: by one at a time, and by all but some."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.halves import rounded
from edgebuild.runtimes.coreml.evaluator.program import Evaluator
from edgebuild.runtimes.coreml.evaluator.steps import Step, Values

EXACT_DB = 200.0
"""Of no difference at all."""


class Halves:
    """A float32 program and what its outputs become when operators compute in float16.

    An operator in float16 reads and writes rounded values. Weights keep their float32 here: their rounding is noise of
    one part in 2048 each, and has no say in which operator must not be rounded.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        """Args: evaluator: of its own; its values are kept from here on."""
        self.plan = evaluator.plan
        for step in self.plan.steps:
            step.freed = []
        self.steps = {self.named(step): step for step in self.plan.steps}
        """By the name of the first output, which is the operator's name in the saved program."""

    def named(self, step: Step) -> str:
        """The operator's name."""
        return self.plan.names[step.outputs[0]]

    def exact(self, inputs: dict[str, np.ndarray]) -> Values:
        """Every value in float32."""
        with np.errstate(all="ignore"):
            return self.plan.run(inputs)

    def alone(self, values: Values) -> dict[str, float]:
        """SQNR of the worst output in dB, with one operator in float16, for each operator.

        Args:
            values: of `exact`.
        """
        return {name: self.worst(values, self.rerun(values, index)) for index, name in enumerate(self.steps)}

    def rerun(self, values: Values, index: int) -> Values:
        """The values with one operator in float16; only what depends on it is computed again."""
        found, changed = values.copy(), set[int]()
        for number, step in enumerate(self.plan.steps[index:]):
            if number and not changed & step.reads():
                continue
            before = [values[place] for place in step.outputs]
            self.compute(step, found, half=number == 0)
            changed |= {p for p, old in zip(step.outputs, before, strict=True) if not same(old, found[p])}
            if not changed:
                break
        return found

    def but(self, inputs: dict[str, np.ndarray], kept: Collection[str]) -> Values:
        """Every value with all operators in float16 but these."""
        values = self.plan.entered(inputs)
        for name, step in self.steps.items():
            self.compute(step, values, half=name not in kept)
        return values

    def compute(self, step: Step, values: Values, *, half: bool) -> None:
        """One operator; in float16 it reads and writes rounded values."""
        with np.errstate(all="ignore"):
            if not half:
                step.run(values)
                return
            read = {place: values[place] for place in step.reads()}
            for place, value in read.items():
                values[place] = halved(value)
            step.run(values)
            for place, value in read.items():
                values[place] = value
            for place in step.outputs:
                values[place] = halved(values[place])

    def worst(self, values: Values, others: Values) -> float:
        """SQNR in dB of the output that differs most."""
        return min((sqnr(values[place], others[place]) for _, place in self.plan.outputs), default=EXACT_DB)

    def lost(self) -> set[str]:
        """Operators with a constant that float16 cannot hold."""
        return {name for name, step in self.steps.items() if step.loses}


def halved(value: Any) -> Any:
    """A real value as float16 holds it, still as float32."""
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        return rounded(value.copy())
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, NaN included."""
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return one is other
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def sqnr(right: Any, other: Any) -> float:
    """Signal to quantization noise, 10 log10(sum x² / sum (x - y)²), in dB; integers must be equal."""
    one, two = np.asarray(right, np.float64), np.asarray(other, np.float64)
    noise = float(np.square(one - two).sum())
    if math.isnan(noise) or math.isinf(noise):
        return -math.inf
    signal = float(np.square(one).sum())
    if noise == 0.0:
        return EXACT_DB
    return min(EXACT_DB, 10 * math.log10(signal / noise)) if signal else -math.inf
