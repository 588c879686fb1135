"""What a training must keep true of a model: parts of the loop, by name in a step."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import SerializeAsAny, WrapValidator

from edgebuild.core.records import Record

if TYPE_CHECKING:
    import numpy as np

    State = Mapping[str, np.ndarray]


class Constraint(Protocol):
    """One constraint at work, from the first batch of a segment to its last."""

    def prepare(self, model: Any, state: State) -> Any:
        """The model that is trained in the place of another, with its inputs and outputs.

        Args:
            model: a Keras model.
            state: what `state` gave at the end of the segment before; empty in the first.
        """

    def after_batch(self) -> None:
        """Called after each step of the optimizer, while the step is traced: TensorFlow operations alone."""

    def finish(self, model: Any) -> Any:
        """The plain model of a prepared one; `prepare` of it must go on where this ends."""

    def state(self) -> dict[str, np.ndarray]:
        """What the next segment must know besides the weights."""


class Held(Record):
    """A constraint as a step holds it."""

    constraint: str
    """Its name in `CONSTRAINTS`."""

    @property
    def apart(self) -> bool:
        """Whether the last epoch differs from the others, and is a segment of its own."""
        return False

    def ending(self) -> Held:
        """What holds in the last epoch."""
        return self

    def opened(self) -> Constraint:
        """The constraint, ready to work."""
        raise NotImplementedError


CONSTRAINTS: dict[str, str] = {
    "zeros": "edgebuild.compress.train.zeros:KeepZeros",
    "fakequant": "edgebuild.compress.train.fakequant:FakeQuant",
}
"""Name to class."""


def _by_name(value: Any, inner: Any) -> Held:
    """Validate by the class that the name stands for."""
    if isinstance(value, dict) and value.get("constraint") in CONSTRAINTS:
        module, _, name = CONSTRAINTS[value["constraint"]].partition(":")
        found: Held = getattr(import_module(module), name).model_validate(value)
        return found
    checked: Held = inner(value)
    return checked


AnyConstraint = Annotated[SerializeAsAny[Held], WrapValidator(_by_name)]
"""A field that holds any constraint, validates by the table and serialises whole."""
