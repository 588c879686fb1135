"""Built-in spaces: classifiers of separable convolutions, like MobileNet and DS-CNN.

It imports Keras, so it is imported inside functions alone.
"""

from __future__ import annotations

from typing import Any

import keras

from edgebuild.compress.search.architecture.space import Choices
from edgebuild.compress.train.students import MULTIPLE
from edgebuild.core.dossier import Tensor
from edgebuild.errors import Refused

OWN = "Write a builder of your own: `space: nas.py:build`."
SMALLEST = 4
"""Positions of an axis at which strides end."""


def network(space: str, choices: Choices, given: Tensor, wanted: Tensor) -> Any:
    """A classifier with fresh weights.

    Args:
        space: a name of `stage.SPACES`.
        choices: values by name; 1.0, 3 and 3 for width, depth and kernel where none is said.
        given: the input; axis 0 is the batch. Pictures (height, width, channels) or channels first, features of two
            axes, or a series.
        wanted: the output: scores of classes.

    Raises:
        Refused: input or output are of another kind.
    """
    classes = wanted.shape[-1]
    if len(wanted.shape) != 2 or not isinstance(classes, int) or classes < 2:
        why = f"built-in spaces hold classifiers, and the output `{wanted.name}` has the shape {list(wanted.shape)}."
        raise Refused(by="search", why=why, fix=OWN, kind="not applicable")
    start = keras.Input(sizes(given), name=given.name, dtype=given.dtype)
    x = pictured(start, choices.get("resolution"))
    # Whatever the samples' scale is, the first layer sees numbers about one.
    x = keras.layers.BatchNormalization()(x)
    x = (mobilenet if space == "mobilenet" else ds_cnn)(x, choices)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(start, keras.layers.Dense(classes, activation="softmax", name=wanted.name)(x))


def sizes(given: Tensor) -> tuple[int, ...]:
    """Of the input without its batch axis.

    Raises:
        Refused: one is open, or there are too many.
    """
    found = given.shape[1:]
    if not 1 <= len(found) <= 3 or not all(isinstance(size, int) for size in found):
        why = (
            f"built-in spaces take pictures, features or series, and `{given.name}` has the shape {list(given.shape)}."
        )
        raise Refused(by="search", why=why, fix=OWN, kind="not applicable")
    return tuple(int(size) for size in found)


def pictured(x: Any, resolution: int | float | None) -> Any:
    """Any input as (height, width, channels) in float32; a series has one column.

    Raises:
        Refused: a resolution of what is no picture.
    """
    layers, shape = keras.layers, tuple(x.shape[1:])
    if not x.dtype.startswith("float"):
        # Integers count to 255 at most where they are pictures.
        x = layers.Rescaling(1 / 255)(x)
    if len(shape) < 3:
        shape = (*shape, 1, 1)[:2] if len(shape) == 1 else shape
        x, shape = layers.Reshape((*shape, 1))(x), (*shape, 1)
    elif shape[0] in (1, 3) and shape[2] not in (1, 3):
        x, shape = layers.Permute((2, 3, 1))(x), (shape[1], shape[2], shape[0])
    if resolution is None or resolution == shape[0]:
        return x
    if min(shape[:2]) == 1:
        why = "a series has no resolution."
        raise Refused(by="search", why=why, fix="Remove `resolution`.", kind="not applicable")
    height = int(resolution)
    return layers.Resizing(height, max(1, round(height * shape[1] / shape[0])))(x)


def mobilenet(x: Any, choices: Choices) -> Any:
    """Stages of two separable blocks, each at half the resolution and twice the channels, as in arXiv:1704.04861."""
    width, side = float(choices.get("width", 1.0)), int(choices.get("kernel", 3))
    x = convolution(x, channels(32 * width), 3, stride=2 if max(x.shape[1:3]) >= 48 else 1)
    for stage in range(int(choices.get("depth", 3))):
        count = channels(32 * min(8, 2 ** (stage + 1)) * width)
        x = separable(x, count, side, stride=2 if max(x.shape[1:3]) > SMALLEST else 1)
        x = separable(x, count, side)
    return x


def ds_cnn(x: Any, choices: Choices) -> Any:
    """One strided convolution, then separable blocks of equal channels, as in arXiv:1711.07128."""
    count, side = channels(64 * float(choices.get("width", 1.0))), int(choices.get("kernel", 3))
    x = convolution(x, count, side, stride=2 if max(x.shape[1:3]) > SMALLEST else 1)
    for _ in range(int(choices.get("depth", 3))):
        x = separable(x, count, side)
    return x


def convolution(x: Any, count: int, side: int, stride: int = 1) -> Any:
    """Convolution, normalisation, ReLU."""
    made = keras.layers.Conv2D(count, fitting(x, side), strides=stride, padding="same", use_bias=False)
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(made(x)))


def separable(x: Any, count: int, side: int, stride: int = 1) -> Any:
    """Depthwise and pointwise convolution, each normalised."""
    made = keras.layers.DepthwiseConv2D(fitting(x, side), strides=stride, padding="same", use_bias=False)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(made(x)))
    return convolution(x, count, 1)


def fitting(x: Any, side: int) -> tuple[int, int]:
    """A kernel that is no longer than the axes it moves along."""
    return min(side, x.shape[1]), min(side, x.shape[2])


def channels(count: float) -> int:
    """The nearest multiple of 8, at least 8: kernels of processors take channels in vectors."""
    return max(MULTIPLE, round(count / MULTIPLE) * MULTIPLE)
