"""Keras files and SavedModels as one traced function with fixed shapes, from which both converters start."""

from __future__ import annotations

import errno
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgebuild.core.dossier import Tensor
from edgebuild.errors import Refused, words_of
from edgebuild.models.inspect.constants import Value, arrays
from edgebuild.models.inspect.facts import Axes, bound, named_axes
from edgebuild.models.inspect.names import distinct

SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Traceable:
    """A TensorFlow model as a function of its inputs in order."""

    inputs: tuple[str, ...]
    """Canonical names."""
    outputs: tuple[str, ...]
    given: tuple[Any, ...]
    """The framework's own description of each input: `shape` and `dtype`."""
    call: Any
    """Tensors in the order of `inputs` → list of tensors in the order of `outputs`."""
    keep: Any
    """What owns the variables, in TensorFlow's sense of tracking; the function alone would lose them."""

    def specs(self, shapes: Mapping[str, int], dims: Axes) -> list[Any]:
        """A `tf.TensorSpec` for each input, with the sizes of named axes put in; what stays open is None."""
        import tensorflow as tf

        found = []
        for name, item in zip(self.inputs, self.given, strict=True):
            sizes = bound(named_axes(name, list(item.shape), dims), shapes)
            fixed = [size if isinstance(size, int) else None for size in sizes]
            found.append(tf.TensorSpec(fixed, item.dtype, name=name))
        return found

    def folded(self, constants: Mapping[str, Value], shapes: Mapping[str, int], dims: Axes) -> Traceable:
        """The function of the other inputs, with these given.

        Raises:
            ValueError: an input cannot hold its value.
        """
        import tensorflow as tf

        named = [
            Tensor(name=name, shape=named_axes(name, list(item.shape), dims), dtype=tf.as_dtype(item.dtype).name)
            for name, item in zip(self.inputs, self.given, strict=True)
        ]
        values = arrays(constants, named, shapes)
        if not values:
            return self

        def call(*others: Any) -> list[Any]:
            rest = iter(others)
            every = [tf.constant(values[name]) if name in values else next(rest) for name in self.inputs]
            found: list[Any] = self.call(*every)
            return found

        kept = [(name, item) for name, item in zip(self.inputs, self.given, strict=True) if name not in values]
        names, given = (tuple(side) for side in zip(*kept, strict=True))
        return replace(self, inputs=names, given=given, call=call)


def traceable(path: Path, form: str) -> Traceable:
    """Open a model.

    Args:
        path: of a `.keras` or `.h5` file, or a SavedModel folder.
        form: `keras`, `h5` or `savedmodel`.

    Raises:
        Refused: the framework declines the file, in its words; a SavedModel without a signature.
    """
    with words_of("tensorflow" if form == "savedmodel" else "keras", WHOLE):
        return saved_model(path) if form == "savedmodel" else keras_model(path)


METADATA = "metadata.json"
LEGACY = "Save it with the Keras that wrote it as `model.h5`, or as a SavedModel by `model.export(folder)`."
WHOLE = "Check that the file is whole: save or copy the model again."


def load_keras(path: Path) -> Any:
    """A Keras model for inference."""
    import keras

    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
        """Files of older TensorFlow carry `groups=1`, which Keras 3 does not know."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("groups", None)
            super().__init__(*args, **kwargs)

    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        # Keras itself says that there is no such file.
        raise Refused(by="keras", why=f"{path.name} is no whole `.keras` file: it is no zip archive.", fix=WHOLE)
    try:
        model = keras.models.load_model(path, compile=False, custom_objects={"DepthwiseConv2D": DepthwiseConv2D})
        # A Sequential model tells neither its outputs' names nor the structure of its inputs; what it is made of does.
        return getattr(model, "_functional", None) or model
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise Refused(by="keras", why=f"{path.name} cannot be read: {error}", fix=WHOLE) from error
    except (TypeError, ValueError, KeyError) as error:
        version = keras_version(path)
        if not version.startswith(("1.", "2.")):
            raise
        import keras

        why = f"{path.name} was saved by Keras {version}, whose `.keras` files Keras {keras.__version__} cannot read."
        raise Refused(by="keras", why=why, fix=LEGACY) from error


def keras_version(path: Path) -> str:
    """Version of Keras that saved a `.keras` file; "" where none is told."""
    if not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        return str(json.loads(archive.read(METADATA)).get("keras_version", "")) if METADATA in names else ""


def keras_names(model: Any) -> tuple[list[str], list[str]]:
    """Canonical names of a Keras model's inputs and outputs."""
    return distinct([item.name for item in model.inputs]), distinct([str(name) for name in model.output_names])


def keras_model(path: Path) -> Traceable:
    """A Keras file, in inference mode."""
    import keras

    model = load_keras(path)
    inputs, outputs = keras_names(model)

    def call(*values: Any) -> list[Any]:
        nested = keras.tree.pack_sequence_as(model._inputs_struct, values)
        return list(keras.tree.flatten(model(nested, training=False)))

    # TensorFlow tracks its own variables, not Keras's around them; untracked ones a converter cannot fold.
    return Traceable(tuple(inputs), tuple(outputs), tuple(model.inputs), call, [v.value for v in model.variables])


def saved_signature(loaded: Any) -> Any:
    """The signature that serves.

    Raises:
        Refused: there is none of that name.
    """
    if SIGNATURE not in loaded.signatures:
        known = ", ".join(loaded.signatures) or "none"
        raise Refused(
            by="tensorflow",
            why=f"the SavedModel has no signature `{SIGNATURE}`; it has {known}.",
            fix="Save it with `model.export(folder)` or `tf.saved_model.save(…, signatures=…)`.",
        )
    return loaded.signatures[SIGNATURE]


def saved_model(path: Path) -> Traceable:
    """The serving signature of a SavedModel."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    signature = saved_signature(loaded)
    given, found = signature.structured_input_signature[1], list(signature.structured_outputs)

    def call(*values: Any) -> list[Any]:
        results = signature(**dict(zip(given, values, strict=True)))
        return [results[name] for name in found]

    return Traceable(tuple(distinct(list(given))), tuple(distinct(found)), tuple(given.values()), call, loaded)


def quiet() -> None:
    """Keep TensorFlow's start-up notes out of the log: they bury its errors."""
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
