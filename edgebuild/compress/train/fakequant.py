"""Training with weights and values between layers as the quantized model will have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from edgebuild.compress.train.constraints import Constraint, Held

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.compress.train.constraints import State


class FakeQuant(Held):
    """Weights in 8 bits per channel around 0, values between layers in 8 bits per tensor; exact weights are trained.

    Scales of weights and bounds of ranges have 12 significant bits at every step of the training: converters compute
    the same scales from what it ends with, to the last bit. Ranges follow the batches with a momentum of 0.99 and stand
    still in the last epoch.
    """

    constraint: Literal["fakequant"] = "fakequant"
    frozen: bool = False
    """Whether ranges stand still."""

    @property
    def apart(self) -> bool:
        """See `Held`."""
        return True

    def ending(self) -> Held:
        """See `Held`."""
        return FakeQuant(frozen=True)

    def opened(self) -> Constraint:
        """See `Held`."""
        return Quantized(self.frozen)


class Quantized:
    """One model that computes as its integers will."""

    def __init__(self, frozen: bool) -> None:
        self._frozen = frozen
        self._plain: Any = None
        self._made: Any = None
        self._ranges: dict[str, Any] = {}
        self._exact: dict[str, np.ndarray] = {}

    def prepare(self, model: Any, state: State) -> Any:
        """The model with its own layers inside others, at the exact weights of the segment before.

        Args:
            model: of `FoldNorms`, or of a segment before.
            state: `range/NAME` of each range, `kernel/NAME` of each layer after the first segment.
        """
        from edgebuild.compress.train.fakequant_layers import Between, Weighted
        from edgebuild.compress.train.folding import nodes, rewritten, weighted
        from edgebuild.compress.train.points import points

        self._plain = model
        known = {id(point.tensor): point for point in points(model)}
        self._take_up(state, [point.range for point in known.values()])

        def between(tensor: Any, value: Any, name: str) -> Any:
            point = known.get(id(tensor))
            if point is None:
                return value
            follows = point.decides and not self._frozen
            activation = getattr(tensor._keras_history.operation, "activation", None)
            return Between(name, self._ranges[point.range], follows, activation)(value)

        outputs = {node.operation.name: node.outputs[0] for node in nodes(model)}

        def operation(op: Any) -> Any:
            inner = Weighted(op) if weighted(op) else op

            def call(*given: Any, **more: Any) -> Any:
                return between(outputs[op.name], inner(*given, **more), f"{op.name}_in_8_bits")

            return call

        self._made = rewritten(model, operation, lambda tensor: between(tensor, tensor, f"{tensor.name}_in_8_bits"))
        return self._made

    def _take_up(self, state: State, ranges: list[str]) -> None:
        from edgebuild.compress.train.fakequant_layers import Range

        for layer in self.layers():
            if f"kernel/{layer.name}" in state:
                layer.kernel.assign(state[f"kernel/{layer.name}"])
        for name in ranges:
            if name not in self._ranges:
                low, high = state[f"range/{name}"]
                self._ranges[name] = Range(float(low), float(high))

    def layers(self) -> list[Any]:
        """Layers of the plain model with weights in integers."""
        from edgebuild.compress.train.folding import weighted

        return [layer for layer in self._plain.layers if weighted(layer)]

    def after_batch(self) -> None:
        """Nothing: ranges follow while values are computed."""

    def finish(self, model: Any) -> Any:
        """The plain model with weights that are whole steps of their scales; the exact ones are kept as state."""
        import keras
        import tensorflow as tf

        from edgebuild.compress.train.fakequant_layers import as_weight, within_channel

        if model is not self._made:
            self._made.set_weights(model.get_weights())
        for layer in self.layers():
            self._exact[layer.name] = keras.ops.convert_to_numpy(layer.kernel)
            layer.kernel.assign(as_weight(tf.constant(self._exact[layer.name]), within_channel(layer)))
        return self._plain

    def state(self) -> dict[str, np.ndarray]:
        """`range/NAME`, float32 (2,) as it was computed with, and `kernel/NAME`."""
        import numpy as np

        from edgebuild.compress.train.fakequant_layers import on_grid

        found = {f"kernel/{name}": value for name, value in self._exact.items()}
        for name, item in self._ranges.items():
            bounds = on_grid(item.low.value, item.high.value)
            found[f"range/{name}"] = np.array([float(bound) for bound in bounds], np.float32)
        return found
