"""Weights that were pruned stay zero while the others are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from edgebuild.compress.train.constraints import Constraint, Held

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.compress.train.constraints import State


class KeepZeros(Held):
    """Every weight that is zero before the training is zero after it.

    Only in kernels (two axes or more) with some zeros and some other values: a bias, or a kernel that starts as nothing
    but zeros, is not pruned. Costs nothing where no weight is zero.
    """

    constraint: Literal["zeros"] = "zeros"

    def opened(self) -> Constraint:
        """See `Held`."""
        return Masks()


class Masks:
    """The masks of one model."""

    def __init__(self) -> None:
        self._masked: list[tuple[Any, Any]] = []

    def prepare(self, model: Any, state: State) -> Any:  # noqa: ARG002 - the zeros themselves are the state
        """Note where the zeros are."""
        import keras
        import tensorflow as tf

        for variable in model.trainable_variables:
            values = keras.ops.convert_to_numpy(variable)
            kept = values != 0
            if values.ndim >= 2 and not kept.all() and kept.any():
                self._masked.append((variable, tf.constant(kept.astype(values.dtype))))
        return model

    def after_batch(self) -> None:
        """Multiply each masked kernel by its mask."""
        for variable, mask in self._masked:
            variable.assign(variable.value * mask)

    def finish(self, model: Any) -> Any:
        """The model itself."""
        return model

    def state(self) -> dict[str, np.ndarray]:
        """Nothing: zeros are found again."""
        return {}
