"""Load and run the untouched source with the framework that made it: Keras (`.keras`, `.h5`) and SavedModel."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

Arrays = dict[str, np.ndarray]
SIGNATURE = "serving_default"


def versions() -> dict[str, str]:
    """Distributions that decide what a session computes."""
    return {name: version(name) for name in ("tensorflow", "keras", "numpy")}


def open(path: str, options: dict[str, Any]) -> ReferenceSession:  # noqa: A001 - the contract's name
    """Load a model: a folder is a SavedModel, a file is Keras's.

    Args:
        path: of the model.
        options: `threads`; `signature` of a SavedModel (default `serving_default`).

    Raises:
        ValueError: an option is unknown, or the model has no such signature.
    """
    unknown = set(options) - {"threads", "signature"}
    if unknown:
        raise ValueError(f"unknown session options: {', '.join(sorted(unknown))}")
    limit_threads(int(options.get("threads", 1)))
    if Path(path).is_dir():
        return SavedModelSession(path, options.get("signature", SIGNATURE))
    return KerasSession(path)


def limit_threads(threads: int) -> None:
    """Fix TensorFlow's threads, where nothing has run yet in this process."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        # A second session in one process; the first one has fixed them.
        return


class ReferenceSession:
    """A loaded model as a traced function of its inputs by name."""

    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]

    def __init__(self, keep: Any) -> None:
        """Args: keep: what owns the variables; a signature alone would lose them."""
        self._keep = keep

    def call(self, feed: dict[str, Any]) -> dict[str, Any]:
        """Tensors in, tensors out, by name."""
        raise NotImplementedError

    def run(self, feed: Arrays) -> Arrays:
        """Outputs by name."""
        found = self.call({name: tf.constant(array) for name, array in feed.items()})
        return {item["name"]: found[item["name"]].numpy() for item in self.outputs}


class KerasSession(ReferenceSession):
    """A `.keras` or `.h5` file, in inference mode."""

    def __init__(self, path: str) -> None:
        model = keras.models.load_model(path, compile=False, custom_objects={"DepthwiseConv2D": OlderDepthwiseConv2D})
        super().__init__(model)
        # A Sequential model tells neither its outputs' names nor the structure of its inputs; what it is made of does.
        self._model = model = getattr(model, "_functional", None) or model
        self.inputs = [_tensor(_clean(item.name), item) for item in model.inputs]
        names = _outputs_of(model)
        self.outputs = [_tensor(name, item) for name, item in zip(names, model.outputs, strict=True)]
        self._function = tf.function(lambda *values: keras.tree.flatten(model(_nested(model, values), training=False)))

    def layers(self, feed: Arrays) -> list[dict[str, Any]]:
        """The value of each layer."""
        made = [
            (layer, tensor)
            for layer in self._model.layers
            for tensor in keras.tree.flatten(layer.output)
            if not isinstance(layer, keras.layers.InputLayer)
        ]
        inner = keras.Model(self._model.inputs, [tensor for _, tensor in made])
        values = inner(_nested(inner, tuple(tf.constant(feed[item["name"]]) for item in self.inputs)), training=False)
        return [
            {"name": layer.name, "op": type(layer).__name__, "inputs": _before(layer), "value": value.numpy()}
            for (layer, _), value in zip(made, values, strict=True)
        ]

    def call(self, feed: dict[str, Any]) -> dict[str, Any]:
        """See `ReferenceSession`."""
        values = self._function(*(feed[item["name"]] for item in self.inputs))
        return {item["name"]: value for item, value in zip(self.outputs, values, strict=True)}


class OlderDepthwiseConv2D(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
    """Files of older TensorFlow carry `groups=1`, which Keras 3 does not know."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("groups", None)
        super().__init__(*args, **kwargs)


class SavedModelSession(ReferenceSession):
    """One signature of a SavedModel folder."""

    def __init__(self, path: str, signature: str) -> None:
        loaded = tf.saved_model.load(path)
        if signature not in loaded.signatures:
            known = ", ".join(loaded.signatures) or "none"
            raise ValueError(f"the SavedModel has no signature `{signature}`; it has {known}")
        super().__init__(loaded)
        self._function = loaded.signatures[signature]
        taken = self._function.structured_input_signature[1]
        self.inputs = [_tensor(name, item) for name, item in taken.items()]
        self.outputs = [_tensor(name, item) for name, item in self._function.structured_outputs.items()]

    def call(self, feed: dict[str, Any]) -> dict[str, Any]:
        """See `ReferenceSession`."""
        found: dict[str, Any] = self._function(**feed)
        return found


def _before(layer: Any) -> list[str]:
    """Names of the layers that feed one."""
    return [tensor._keras_history.operation.name for tensor in keras.tree.flatten(layer.input)]


def _outputs_of(model: Any) -> list[str]:
    """Names of the outputs: the layers', with a number where one layer has several."""
    names = [_clean(str(name)) for name in model.output_names]
    return names if len(set(names)) == len(names) else [f"{name}_{index}" for index, name in enumerate(names)]


def _nested(model: Any, values: tuple[Any, ...]) -> Any:
    """Inputs in the structure the model was built with."""
    return keras.tree.pack_sequence_as(model._inputs_struct, values) if hasattr(model, "_inputs_struct") else values[0]


def _tensor(name: str, item: Any) -> dict[str, Any]:
    shape = [-1 if size is None else int(size) for size in item.shape]
    dtype = item.dtype if isinstance(item.dtype, str) else item.dtype.name
    return {"name": name, "shape": shape, "dtype": dtype}


def _clean(name: str) -> str:
    """A tensor's name without what exporters put around it."""
    return name.removesuffix(":0").removeprefix("serving_default_")
