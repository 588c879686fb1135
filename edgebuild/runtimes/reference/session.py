"""Loads the untouched source in the framework that wrote it: Keras `.keras` and `.h5`, SavedModel. Travels.

The reference of every drop; never timed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def versions() -> dict[str, str]:
    """The frameworks' builds."""
    import keras
    import tensorflow as tf

    return {"keras": str(keras.__version__), "tensorflow": str(tf.__version__)}


def open(path: str, options: dict[str, Any]) -> KerasSession | SavedModelSession:  # noqa: A001 - every session's name
    """Load a model; raises what the framework raises."""
    del options
    return SavedModelSession(path) if Path(path).is_dir() else KerasSession(path)


def cleaned(name: str) -> str:
    """A tensor's name without what converters add: `serving_default_image:0` → `image`."""
    return name.split(":", 1)[0].removeprefix("serving_default_")


class KerasSession:
    """A Keras model."""

    def __init__(self, path: str) -> None:
        import keras

        self.model = keras.saving.load_model(path, compile=False)
        self.inputs = [self.tensor(cleaned(item.name), item) for item in self.model.inputs]
        names = getattr(self.model, "output_names", [item.name for item in self.model.outputs])
        self.outputs = [self.tensor(cleaned(n), item) for n, item in zip(names, self.model.outputs, strict=True)]

    @staticmethod
    def tensor(name: str, item: Any) -> dict[str, Any]:
        """Name, shape and numpy type."""
        return {"name": name, "shape": list(item.shape), "dtype": str(item.dtype)}

    def run(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name."""
        given = [feed[item["name"]] for item in self.inputs]
        found = self.model(given[0] if len(given) == 1 else given, training=False)
        if isinstance(found, dict):
            return {cleaned(name): np.asarray(value) for name, value in found.items()}
        values = found if isinstance(found, list | tuple) else [found]
        return {item["name"]: np.asarray(value) for item, value in zip(self.outputs, values, strict=True)}


class SavedModelSession:
    """A SavedModel by its `serving_default` signature."""

    def __init__(self, path: str) -> None:
        import tensorflow as tf

        self.loaded = tf.saved_model.load(path)
        signatures = self.loaded.signatures
        key = "serving_default" if "serving_default" in signatures else next(iter(signatures))
        self.call = signatures[key]
        given = self.call.structured_input_signature[1]
        self.inputs = [self.tensor(name, spec) for name, spec in given.items()]
        self.outputs = [self.tensor(name, spec) for name, spec in self.call.structured_outputs.items()]

    @staticmethod
    def tensor(name: str, spec: Any) -> dict[str, Any]:
        """Name, shape and numpy type."""
        return {"name": cleaned(name), "shape": list(spec.shape), "dtype": spec.dtype.name}

    def run(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name."""
        import tensorflow as tf

        found = self.call(**{name: tf.constant(value) for name, value in feed.items()})
        return {cleaned(name): value.numpy() for name, value in found.items()}
