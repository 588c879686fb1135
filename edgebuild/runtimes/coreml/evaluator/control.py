"""Operators that hold blocks, keep something between runs, or end a classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.steps import Step, Values

Block = tuple[list[Step], list[int]]
"""Steps and the places of what they give."""

ROUNDS = 1_000_000
"""After which a loop is taken to be endless."""


def label(classes: list[Any]) -> Callable[..., Any]:
    """The best class, and the probabilities in the order of the classes."""

    def classify(probabilities: np.ndarray) -> tuple[Any, np.ndarray]:
        flat = probabilities.reshape(-1)
        return classes[int(flat.argmax())], flat

    return classify


def reader(states: dict[str, np.ndarray], name: str) -> Callable[..., Any]:
    """What a state holds."""

    def read_state() -> np.ndarray:
        return states[name]

    return read_state


def writer(states: dict[str, np.ndarray], name: str) -> Callable[..., Any]:
    """A state's new value, given on."""

    def coreml_update_state(value: np.ndarray) -> np.ndarray:
        states[name] = value
        return value

    return coreml_update_state


def branch(blocks: list[Block]) -> Callable[..., Any]:
    """One of two blocks."""

    def cond(values: Values, pred: Any) -> Any:
        steps, ends = blocks[0] if bool(np.asarray(pred).item()) else blocks[1]
        for step in steps:
            step.run(values)
        return one_or_all([values[place] for place in ends])

    return cond


def loop(blocks: list[Block], variables: list[list[int]]) -> Callable[..., Any]:
    """The second block as long as the first says so; `variables` are the places of each block's inputs."""
    (test, (holds,)), (body, ends) = blocks

    def while_loop(values: Values, loop_vars: list[Any]) -> Any:
        for _ in range(ROUNDS):
            enter(values, variables[0], loop_vars, test)
            if not bool(np.asarray(values[holds]).item()):
                return one_or_all(loop_vars)
            enter(values, variables[1], loop_vars, body)
            loop_vars = [values[place] for place in ends]
        raise ValueError(f"a loop did not end in {ROUNDS} rounds")

    return while_loop


def enter(values: Values, places: list[int], given: list[Any], steps: list[Step]) -> None:
    """Run a block on its inputs."""
    for place, value in zip(places, given, strict=True):
        values[place] = value
    for step in steps:
        step.run(values)


def one_or_all(found: list[Any]) -> Any:
    """As an operator of one output, or of several, gives it."""
    return found[0] if len(found) == 1 else found
