"""Facts of Keras files and SavedModels, read by the framework."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

from edgebuild.core.dossier import Tensor
from edgebuild.models.inspect.facts import Axes, ModelFacts, named_axes
from edgebuild.models.inspect.names import distinct


def keras_facts(path: Path, form: str, dims: Axes) -> ModelFacts:
    """Read a `.keras` or `.h5` file; operators are layers."""
    import keras

    from edgebuild.models.convert.traced import keras_names, load_keras

    model = load_keras(path)
    inputs, outputs = keras_names(model)
    layers = list(model._flatten_layers(include_self=False))
    leaves = [layer for layer in layers if not list(layer._flatten_layers(include_self=False))]
    return ModelFacts(
        format=form,
        inputs=tensors(inputs, model.inputs, dims),
        outputs=tensors(outputs, model.outputs, {}),
        ops=dict(sorted(Counter(type(layer).__name__ for layer in leaves).items())),
        parameters=int(model.count_params()),
        macs=macs(leaves),
        producer=f"Keras {keras.__version__}",
    )


def saved_model_facts(path: Path, dims: Axes) -> ModelFacts:
    """Read the signature of a SavedModel; operators are those of its graph."""
    import tensorflow as tf

    from edgebuild.models.convert.traced import saved_signature

    loaded = tf.saved_model.load(str(path))
    call = saved_signature(loaded)
    given, found = call.structured_input_signature[1], call.structured_outputs
    variables = {id(item): int(prod(item.shape)) for item in call.variables}
    return ModelFacts(
        format="savedmodel",
        inputs=tensors(distinct(list(given)), list(given.values()), dims),
        outputs=tensors(distinct(list(found)), list(found.values()), {}),
        ops=dict(sorted(Counter(op.type for op in call.graph.get_operations()).items())),
        parameters=sum(variables.values()),
        producer=f"SavedModel, TensorFlow {tf.__version__}",
    )


def tensors(names: list[str], values: list[Any], dims: Axes) -> tuple[Tensor, ...]:
    """Inputs or outputs."""
    found = []
    for name, value in zip(names, values, strict=True):
        dtype = value.dtype if isinstance(value.dtype, str) else value.dtype.name
        found.append(Tensor(name=name, shape=named_axes(name, list(value.shape), dims), dtype=dtype))
    return tuple(found)


def macs(layers: list[Any]) -> int | None:
    """Convolutions: output positions × kernel size; dense layers: kernel size; at a batch of 1. None where open."""
    total = 0
    for layer in layers:
        kind = type(layer).__name__
        if kind == "Dense":
            total += prod(layer.kernel.shape)
        elif kind.startswith(("Conv", "Depthwise", "Separable")):
            shape = layer.output.shape[1:]
            if any(size is None for size in shape):
                return None
            spatial = shape[:-1] if layer.data_format == "channels_last" else shape[1:]
            total += prod(spatial) * sum(prod(w.shape) for w in layer.weights if "kernel" in w.name)
    return total
