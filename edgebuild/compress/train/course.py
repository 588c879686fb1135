"""What a model under training knows of the whole, and the optimizer it goes on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.compress.train.constraints import Constraint
    from edgebuild.compress.train.teaching import Lessons

LABEL, TEACHER, FEATURES, WEIGHT = "label", "teacher", "features", "weight"
"""Keys of `y` under a teacher."""


@dataclass
class Course:
    """What a model under training knows of the whole."""

    lessons: Lessons | None = None
    constraints: Sequence[Constraint] = ()
    rates: tuple[float, ...] = ()
    """Of our optimizer, for each epoch."""
    ours: Any = None
    """Our optimizer."""
    metrics: Any = None
    """That the model was compiled with last."""
    earlier: tuple[np.ndarray, ...] = ()
    """State of the optimizer at the end of the segment before."""
    epochs: list[dict[str, float]] = field(default_factory=list)
    """What Keras said of each."""
    values: dict[str, Any] = field(default_factory=dict)
    """Of layers that a teacher looks at, in the batch under way."""


def taught(y: Any) -> bool:
    """Whether targets hold a teacher's."""
    return isinstance(y, dict) and TEACHER in y and LABEL in y


def restore(optimizer: Any, trained: list[Any], state: Sequence[np.ndarray]) -> bool:
    """Give an optimizer the state of another; False, and nothing, where they are not of one kind."""
    optimizer.build(trained)
    shapes = [tuple(variable.shape) for variable in optimizer.variables]
    if shapes != [item.shape for item in state]:
        return False
    for variable, value in zip(optimizer.variables, state, strict=True):
        # The one thing that whoever made the new one has just said.
        if not variable.path.endswith("learning_rate"):
            variable.assign(value)
    return True
