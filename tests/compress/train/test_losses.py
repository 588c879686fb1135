"""What a model is trained with where nobody says: told from its last activation and the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgebuild.compress.train.losses import last_activation, meaning_without_labels, task
from edgebuild.errors import Refused
from tests.compress.train.conftest import network


def head(width: int, *layers: Any) -> Any:
    import keras

    x = image = keras.Input((4,))
    x = keras.layers.Dense(width)(x)
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


def activated(name: str) -> Any:
    import keras

    return keras.layers.Activation(name)


CLASSES = np.array([0, 1, 2, 1])


@pytest.mark.parametrize(
    ("activation", "words", "meaning"),
    [
        ("softmax", "cross-entropy from probabilities", "probabilities"),
        ("linear", "cross-entropy from logits", "logits"),
    ],
)
def test_classes_are_learned_by_cross_entropy(activation: str, words: str, meaning: str) -> None:
    found = task(network(activation), CLASSES)
    assert (found.words, found.meaning, found.metrics) == (words, meaning, ("accuracy",))
    # Of the right class alone the loss is zero, whatever the outputs are called.
    sure = np.eye(3, dtype=np.float32)[CLASSES] * (1 if activation == "softmax" else 100)
    assert float(found.loss(CLASSES, sure)) == pytest.approx(0, abs=1e-5)


def test_yes_or_no_is_learned_by_binary_cross_entropy() -> None:
    labels = np.array([0, 1, 1])
    assert task(head(1, activated("sigmoid")), labels).meaning == "probability"
    assert task(head(1), labels).words == "binary cross-entropy from logits"


def test_numbers_are_learned_by_squared_error() -> None:
    assert task(head(1), np.array([0.3, 2.5])).loss == "mse"
    assert task(head(2), np.ones((5, 2), np.float32)).loss == "mse"
    assert task(head(2), np.ones((5, 2), np.int64), "mae").loss == "mae"


@pytest.mark.parametrize(
    ("labels", "wanted", "why"),
    [
        (None, "auto", "no plain label"),
        (np.ones((5, 7), np.float32), "auto", r"labels have the shape \(7,\) and the output \(2,\)"),
        (np.array([0, 1, 1]), "mse", r"labels have the shape \(\) and the output \(2,\)"),
        (np.ones((5, 2), np.int64), "auto", "no plain classes or numbers"),
        (np.array([0.5, 1.5]), "crossentropy", "no plain classes or numbers"),
    ],
)
def test_what_is_neither_is_refused_with_what_is_needed(labels: Any, wanted: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as caught:
        task(head(2), labels, wanted)
    assert "train: {fit: train.py:fit}" in caught.value.fix


def test_several_outputs_are_refused() -> None:
    import keras

    image = keras.Input((4,))
    model = keras.Model(image, [keras.layers.Dense(2)(image), keras.layers.Dense(3)(image)])
    with pytest.raises(Refused, match="has 2 outputs, and nothing says how they weigh"):
        task(model, CLASSES)


def test_an_activation_is_found_behind_layers_that_change_nothing() -> None:
    import keras

    model = head(3, keras.layers.Softmax(), keras.layers.Reshape((3,)), keras.layers.Dropout(0.1))
    assert last_activation(model) == "softmax"
    assert meaning_without_labels(model) == "probabilities"
    assert meaning_without_labels(head(3)) == "logits"
    assert meaning_without_labels(head(1)) == "values"
    assert last_activation(head(3, keras.layers.ReLU())) == "relu"


def test_an_activation_is_found_inside_models_that_are_layers() -> None:
    import keras

    trained = network("softmax")
    inside = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 255), trained])
    assert last_activation(inside._functional) == "softmax"
    assert task(inside._functional, CLASSES).words == "cross-entropy from probabilities"
    flat = keras.Sequential([keras.Input((3,)), keras.layers.Reshape((3,))])
    # Out of a model that changes nothing again, to what is before it.
    assert last_activation(keras.Model(trained.inputs, flat(trained.outputs[0]))) == "softmax"
    assert last_activation(keras.Model(flat.inputs, flat.outputs)) == "linear"
