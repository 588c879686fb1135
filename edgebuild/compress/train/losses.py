"""The loss that a model is trained with where nobody names one, and what its outputs are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from edgebuild.compress.train.calls import maker
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np

Meaning = Literal["logits", "probabilities", "probability", "values"]
"""Of an output: scores before a softmax, a softmax's, one sigmoid's, or numbers of another kind."""

THROUGH = ("Flatten", "Reshape", "Dropout", "InputLayer", "Identity", "GlobalAveragePooling")
"""Layers that change no value, or average values: what an output means is told before them."""
BY = "training"
FIX = "Name a training of your own: `train: {fit: train.py:fit}`, which compiles the model with its loss."


@dataclass(frozen=True)
class Task:
    """What a model is compiled with."""

    loss: Any
    """A Keras loss, or its name."""
    metrics: tuple[str, ...]
    meaning: Meaning
    words: str


def last_activation(model: Any) -> str:
    """`softmax`, `linear`, …: the name of the activation that makes the only output."""
    layer, given = maker(model.outputs[0])
    while type(layer).__name__.startswith(THROUGH):
        if len(given) != 1:
            return "linear"
        layer, given = maker(*given[0])
    kind = type(layer).__name__.lower()
    if kind in ("softmax", "sigmoid", "relu", "logsoftmax"):
        return kind
    activation = getattr(layer, "activation", None)
    return str(getattr(activation, "__name__", "linear")) if activation is not None else "linear"


def task(model: Any, labels: np.ndarray | None, wanted: str = "auto") -> Task:
    """The loss for a model with one output.

    Args:
        model: a Keras model.
        labels: of the samples, axis 0 the sample; None where they have none.
        wanted: `auto`, `crossentropy`, `mse` or `mae`.

    Raises:
        Refused: the model is no plain classifier or regressor, with what is needed.
    """
    if len(model.outputs) != 1:
        raise Refused(
            by=BY, why=f"the model has {len(model.outputs)} outputs, and nothing says how they weigh.", fix=FIX
        )
    shape = tuple(model.outputs[0].shape)
    if labels is None:
        why = "the samples have no plain label for its only output."
        raise Refused(by=BY, why=why, fix=f"Give each sample a class or number as `label`. {FIX}")
    if wanted in ("mse", "mae"):
        return regression(shape, labels, wanted)
    found = classification(model, shape, labels)
    if found is None and wanted == "auto" and last_activation(model) == "linear" and labels.dtype.kind == "f":
        return regression(shape, labels, "mse")
    if found is None:
        why = (
            f"labels of type {labels.dtype} and shape {labels.shape[1:]} with an output of shape {shape[1:]} after "
            f"`{last_activation(model)}` are no plain classes or numbers."
        )
        raise Refused(by=BY, why=why, fix=FIX)
    return found


def classification(model: Any, shape: tuple[Any, ...], labels: np.ndarray) -> Task | None:
    """Cross-entropy where labels are classes of the output; None where they are not."""
    import keras

    if labels.ndim != 1 or labels.dtype.kind not in "iub" or len(shape) != 2:
        return None
    activation = last_activation(model)
    if shape[1] == 1 and activation in ("sigmoid", "linear") and set(labels.tolist()) <= {0, 1}:
        logits = activation == "linear"
        loss = keras.losses.BinaryCrossentropy(from_logits=logits)
        # Keras' accuracy takes 0.5 for the threshold, which a logit's is not.
        metrics = () if logits else ("accuracy",)
        words = f"binary cross-entropy from {'logits' if logits else 'probabilities'}"
        return Task(loss, metrics, "logits" if logits else "probability", words)
    if shape[1] is None or shape[1] < 2 or activation not in ("softmax", "linear"):
        return None
    logits = activation == "linear"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    words = f"cross-entropy from {'logits' if logits else 'probabilities'}"
    return Task(loss, ("accuracy",), "logits" if logits else "probabilities", words)


def regression(shape: tuple[Any, ...], labels: np.ndarray, name: str) -> Task:
    """Squared or absolute error.

    Raises:
        Refused: labels have another shape than the output.
    """
    wanted = shape[1:]
    fits = labels.ndim == len(shape) or (labels.ndim == len(shape) - 1 and wanted[-1:] == (1,))
    sizes = labels.shape[1:] if labels.ndim == len(shape) else (*labels.shape[1:], 1)
    if (
        not fits
        or labels.dtype.kind not in "fiu"
        or any(a not in (None, b) for a, b in zip(wanted, sizes, strict=True))
    ):
        why = f"labels have the shape {labels.shape[1:]} and the output {wanted}."
        raise Refused(by=BY, why=why, fix=f"Give each sample a label of the output's shape. {FIX}")
    return Task(name, (), "values", "squared error" if name == "mse" else "absolute error")


def meaning_without_labels(model: Any) -> Meaning:
    """What an only output is where no label helps to tell: by its last activation; numbers where that is linear."""
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        return "values"
    activation, width = last_activation(model), model.outputs[0].shape[1]
    if activation == "softmax":
        return "probabilities"
    if activation == "sigmoid" and width == 1:
        return "probability"
    return "logits" if activation == "linear" and width is not None and width > 1 else "values"
