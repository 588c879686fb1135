"""A Keras model as converters see it: no models within it, normalization in the weights, activations apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of

if TYPE_CHECKING:
    import numpy as np

BY = "quantized training"


class FoldNorms(Step):
    """Normalization after a layer moves into its weights, so that what is trained is what is converted.

    Given:   x → Conv2D(w, b) → BatchNormalization → Dense(softmax) → y
    Result:  x → Conv2D(w · γ/√(σ² + ε), (b − μ) · γ/√(σ² + ε) + β) → Dense → Softmax → y

    Outputs are the same up to rounding. Source: Jacob et al. 2017, arXiv:1712.05877, section 3.2.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "folded.keras"
    portable: ClassVar[bool] = False

    model: Artifact

    def run(self, work: Workspace) -> None:
        """Raises: Refused: a layer with weights is called more than once."""
        fold_norms(work.path(self.model), work.output)


def fold_norms(model: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    from edgebuild.compress.train.students import save_canonical
    from edgebuild.models.convert.traced import load_keras

    with words_of("keras"):
        made = folded(load_keras(model))
    save_canonical(made, output)


def nodes(model: Any) -> Iterator[Any]:
    """Calls of a functional model, first to last, without its inputs."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def readers(model: Any) -> dict[int, list[Any]]:
    """Operations that take a value, by the `id` of its tensor; None stands for the model's own outputs."""
    found: dict[int, list[Any]] = defaultdict(list)
    for node in nodes(model):
        for tensor in node.input_tensors:
            found[id(tensor)].append(node.operation)
    for tensor in model.outputs:
        found[id(tensor)].append(None)
    return found


def weighted(layer: Any) -> bool:
    """Whether it is a product with stored weights that runtimes have in integers."""
    from keras import layers

    return isinstance(layer, layers.Dense | layers.Conv1D | layers.Conv2D | layers.DepthwiseConv2D)


def rewritten(model: Any, operation: Any, entry: Any = None) -> Any:
    """A model of the same inputs, in which `operation(op)` is called in the place of each operation.

    Args:
        model: a functional Keras model.
        operation: takes an operation, returns what is called.
        entry: takes an input's tensor, returns what the model goes on with.
    """
    import keras

    given = [entry(tensor) if entry else tensor for tensor in model.inputs]
    outputs = model._run_through_graph(given, operation_fn=operation)
    # A file saved with a list of one output says a list, which no loss takes for a tensor.
    outputs = keras.tree.flatten(outputs)[0] if len(model.outputs) == 1 else outputs
    return keras.Model(model._inputs_struct, outputs, name=model.name)


def flattened(model: Any) -> Any:
    """The model with the layers of models that are its layers in their place; outputs keep their names.

    Raises:
        Refused: two outputs come from one operation, whose name is that of both.
    """
    import keras

    def operation(op: Any) -> Any:
        inner = getattr(op, "_functional", None) or op
        if isinstance(inner, keras.Model) and hasattr(inner, "_run_through_graph"):
            return lambda *given, **_: inner._run_through_graph(keras.tree.flatten(given), operation_fn=operation)
        return op

    made = rewritten(model, operation)
    if made.output_names == model.output_names:
        return made
    for tensor, name in zip(made.outputs, model.output_names, strict=True):
        tensor._keras_history.operation.name = name
    named = rewritten(made, lambda op: op)
    if named.output_names != model.output_names:
        why = f"outputs {', '.join(f'`{name}`' for name in model.output_names)} come from one layer inside a model."
        raise Refused(by=BY, why=why, fix="Leave `quantize` out of `train`.", kind="not applicable")
    return named


def folded(model: Any) -> Any:
    """See `FoldNorms`.

    Raises:
        Refused: a layer with weights is called more than once.
    """
    import keras

    flat = flattened(model)
    refuse_shared(flat)
    reads = readers(flat)
    norms: dict[str, Any] = {}
    for node in nodes(flat):
        (first, *others) = reads[id(node.outputs[0])] or [None]
        alone = weighted(node.operation) and not others and isinstance(first, keras.layers.BatchNormalization)
        if alone and node.operation.activation is keras.activations.linear and last_axis(first):
            norms[node.operation.name] = first
    # One that normalizes something else too stays, where all that it normalizes has the same form.
    calls = Counter(node.operation.name for node in nodes(flat))
    folds = Counter(norm.name for norm in norms.values())
    norms = {name: norm for name, norm in norms.items() if folds[norm.name] == calls[norm.name]}
    gone = {norm.name for norm in norms.values()}
    ends = {tensor._keras_history.operation.name for tensor in flat.outputs}

    def operation(op: Any) -> Any:
        if op.name in gone:
            return lambda value, **_: value
        return parted(op, norms.get(op.name), ends) if weighted(op) else op

    return rewritten(flat, operation)


def last_axis(norm: Any) -> bool:
    """Whether channels are what it normalizes."""
    axis = norm.axis if isinstance(norm.axis, int) else norm.axis[0]
    return axis in (-1, len(norm.input.shape) - 1)


def refuse_shared(flat: Any) -> None:
    """Raises: Refused: a layer with weights is called more than once: its values have a range for each call."""
    calls = Counter(node.operation.name for node in nodes(flat) if weighted(node.operation))
    twice = [name for name, count in calls.items() if count > 1]
    if twice:
        why = f"layer `{twice[0]}` is called more than once."
        raise Refused(by=BY, why=why, fix="Leave `quantize` out of `train`.", kind="not applicable")


def parted(layer: Any, norm: Any, ends: set[str]) -> Any:
    """What is called in the place of a layer with weights: the folded layer, then an activation of its own.

    Converters fuse ReLU alone into a product; what goes into any other activation is a value with a range.
    """
    import keras

    plain = keras.activations.serialize(layer.activation) in ("linear", "relu", "relu6")
    kinds = (keras.layers.DepthwiseConv2D, keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D)
    kind = next(item for item in kinds if isinstance(layer, item))
    config = layer.get_config()
    # The name of an output is that of the operation that makes it.
    own = norm.name if norm is not None and norm.name in ends else layer.name
    config |= {"use_bias": True} if norm is not None else {}
    config |= {"name": own} if plain else {"name": f"{layer.name}_product", "activation": "linear"}
    made = kind.from_config(config)

    def call(value: Any, **_: Any) -> Any:
        result = made(value)
        made.set_weights(folded_weights(layer, norm))
        made.trainable = layer.trainable
        return result if plain else keras.layers.Activation(layer.activation, name=layer.name)(result)

    return call


def folded_weights(layer: Any, norm: Any) -> list[np.ndarray]:
    """Kernel and bias with the normalization in them, float32; those of the layer where there is none."""
    import keras
    import numpy as np

    weights = [np.asarray(item) for item in layer.get_weights()]
    if norm is None:
        return weights

    def value(variable: Any, default: float) -> np.ndarray:
        if variable is None:
            return np.full(norm.moving_mean.shape, default)
        found: np.ndarray = keras.ops.convert_to_numpy(variable).astype(np.float64)
        return found

    factor = value(norm.gamma, 1.0) / np.sqrt(value(norm.moving_variance, 1.0) + norm.epsilon)
    kernel = weights[0].astype(np.float64)
    spread = factor.reshape(kernel.shape[2:]) if isinstance(layer, keras.layers.DepthwiseConv2D) else factor
    bias = weights[1].astype(np.float64) if layer.use_bias else np.zeros_like(factor)
    moved = (bias - value(norm.moving_mean, 0.0)) * factor + value(norm.beta, 0.0)
    return [(kernel * spread).astype(np.float32), moved.astype(np.float32)]
