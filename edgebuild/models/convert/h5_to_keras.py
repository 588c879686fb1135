"""Keras's older file → its own, for stages that change Keras models."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.step import Workspace
from edgebuild.errors import words_of
from edgebuild.models.convert.base import Conversion
from edgebuild.models.convert.traced import load_keras, quiet
from edgebuild.models.tidy.keras_archive import canonical_keras


class H5ToKeras(Conversion):
    """Save the model again; layers of older files that Keras 3 reads by a class of ours become its own."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "model.keras"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: Keras declines the model."""
        h5_to_keras(work.path(self.model), work.output)


def h5_to_keras(model: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    quiet()
    import keras

    def own(layer: Any) -> Any:
        kind: Any = next(base for base in type(layer).__mro__ if not base.__module__.startswith("edgebuild."))
        return kind.from_config(layer.get_config())

    with words_of("keras"):
        opened = load_keras(model)
        made = keras.models.clone_model(opened, clone_function=own, recursive=True)
        made.set_weights(opened.get_weights())
        made.save(output)
    canonical_keras(output)
