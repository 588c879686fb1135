"""One small network, and pictures that it can learn to tell apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.train.segment import Given, How, train_segment
from edgebuild.data.samples import SampleSet
from tests.engine.conftest import yard  # noqa: F401 - a fixture

SIDE, CLASSES = 8, 3


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright quarter where the class says; float32 (count, 8, 8, 1) and int64 (count,)."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 0.5, (count, SIDE, SIDE, 1)).astype(np.float32)
    y = random.integers(0, CLASSES, count)
    for image, label in zip(x, y, strict=True):
        image[(label // 2) * 4 : (label // 2) * 4 + 4, (label % 2) * 4 : (label % 2) * 4 + 4] += 1
    return x, y


def network(activation: str = "softmax", normalized: bool = False, dropout: float = 0.0) -> Any:
    """Conv, pool, dense; `image` (8, 8, 1) to `scores` (3,)."""
    import keras

    keras.utils.set_random_seed(7)
    image = x = keras.Input((SIDE, SIDE, 1), name="image")
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="conv")(x)
    if normalized:
        x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.MaxPooling2D(4, name="pool")(x)
    x = keras.layers.Flatten(name="flat")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="drop")(x)
    return keras.Model(image, keras.layers.Dense(CLASSES, activation=activation, name="scores")(x))


def samples(folder: Path, count: int = 192, seed: int = 0, **more: Any) -> Path:
    """A sample folder."""
    x, y = pictures(count, seed)
    labels = more.pop("labels", {"label": y})
    SampleSet(inputs={"image": x}, ids=tuple(f"s{row}" for row in range(count)), labels=labels, **more).save(folder)
    return folder


def how(**changes: Any) -> How:
    """Two epochs."""
    given = {"first": 0, "rates": (3e-3, 3e-3), "total": None, "batch": 32, "seed": 0, "loss": "auto"}
    return How(**{**given, **changes})


class Shed:
    """A model, its samples, and segments of its training."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.model = folder / "model.keras"
        self.samples = samples(folder / "train")

    def save(self, model: Any) -> Path:
        model.save(self.model)
        return self.model

    def train(self, what: How, fit: Any = None, **files: Any) -> Path:
        """Folder of a segment."""
        self.count += 1
        output = self.folder / f"segment-{self.count}"
        given = Given(**{"model": self.model, "samples": self.samples, **files})
        train_segment(given, what, fit, output)
        return output


@pytest.fixture
def shed(tmp_path: Path) -> Shed:
    """The plain network in a folder."""
    shed = Shed(tmp_path)
    shed.save(network())
    return shed


def loaded(segment: Path) -> Any:
    """The model of a segment."""
    import keras

    return keras.models.load_model(segment / "model.keras", compile=False)


def accuracy(model: Any, seed: int = 99) -> float:
    """On pictures that no training saw."""
    x, y = pictures(300, seed)
    found: float = (model.predict(x, verbose=0).argmax(1) == y).mean()
    return found
