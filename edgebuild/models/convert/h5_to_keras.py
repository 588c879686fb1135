"""Keras `.h5` → `.keras`, in which weights are changed."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from edgebuild.core.step import Workspace
from edgebuild.errors import words_of
from edgebuild.models.convert.base import Conversion


class H5ToKeras(Conversion):
    """The same layers and weights; what a later Keras does not know of an older file is put right."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "model.keras"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: Keras declines the file."""
        h5_to_keras(work.path(self.model), work.output)


def h5_to_keras(model: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    import keras

    from edgebuild.models.convert.traced import load_keras
    from edgebuild.models.tidy.keras_archive import canonical_keras

    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        # Ours only reads what Keras' own does not; a file that names it could be opened nowhere else.
        kind = getattr(keras.layers, type(layer).__name__, type(layer))
        return kind.from_config(layer.get_config())

    with words_of("keras"):
        read = load_keras(model)
        made = keras.models.clone_model(read, clone_function=plain)
        made.set_weights(read.get_weights())
        made.save(output)
    canonical_keras(output)
