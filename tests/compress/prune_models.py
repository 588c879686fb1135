"""Small architectures in Keras, each with another way for channels to hang together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers as L


def unit(x: Any, filters: int, size: int = 3, strides: int = 1, activation: str = "relu") -> Any:
    x = L.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x)
    return L.Activation(activation)(L.BatchNormalization()(x))


def head(x: Any) -> Any:
    return L.Dense(5)(L.GlobalAveragePooling2D()(x))


def image(side: int = 8) -> Any:
    return L.Input((side, side, 3))


def plain() -> Any:
    i = image()
    x = L.Conv2D(16, 3, activation="relu", padding="same")(i)
    x = L.MaxPooling2D()(L.Dropout(0.3)(x))
    return keras.Model(i, head(unit(x, 24)))


def sequential() -> Any:
    return keras.Sequential(
        [
            L.Input((8, 8, 3)),
            L.ZeroPadding2D(1),
            L.Conv2D(16, 3, activation="relu"),
            L.AveragePooling2D(2),
            L.Flatten(),
            L.Dense(24, activation="relu"),
            L.Dense(4, activation="softmax"),
        ]
    )


def flatten() -> Any:
    i = image()
    x = L.Flatten()(unit(unit(i, 16, strides=2), 12, strides=2))
    return keras.Model(i, L.Dense(3)(L.Dense(16, activation="relu")(x)))


def residual() -> Any:
    i = image()
    x = unit(i, 16)
    y = L.BatchNormalization()(L.Conv2D(16, 3, padding="same")(unit(x, 24)))
    x = L.ReLU()(L.Add()([x, y]))
    y = L.BatchNormalization()(L.Conv2D(32, 3, strides=2, padding="same")(x))
    x = L.ReLU()(L.Add()([L.Conv2D(32, 1, strides=2)(x), y]))
    return keras.Model(i, head(x))


def inverted_residual() -> Any:
    i = image()
    x = unit(i, 16)
    for _ in range(2):
        y = unit(x, 48, 1, activation="relu6")
        y = L.ReLU(6.0)(L.BatchNormalization()(L.DepthwiseConv2D(3, padding="same", use_bias=False)(y)))
        x = L.Add()([x, L.BatchNormalization()(L.Conv2D(16, 1, use_bias=False)(y))])
    return keras.Model(i, head(x))


def multiplier() -> Any:
    i = image()
    x = L.DepthwiseConv2D(3, depth_multiplier=2, padding="same")(unit(i, 12))
    x = L.Conv2D(24, 3, groups=24, activation="relu")(L.BatchNormalization()(x))
    return keras.Model(i, head(unit(x, 16)))


def dense_net() -> Any:
    i = image()
    x = unit(i, 16)
    for _ in range(3):
        x = L.Concatenate()([x, unit(L.ReLU()(L.BatchNormalization()(x)), 8)])
    return keras.Model(i, head(unit(x, 16, 1)))


def squeeze_excite() -> Any:
    i = image()
    x = unit(i, 16)
    s = L.Reshape((1, 1, 16))(L.GlobalAveragePooling2D()(x))
    s = L.Conv2D(16, 1, activation="sigmoid")(L.Conv2D(8, 1, activation="relu")(s))
    x = L.Multiply()([x, s])
    s = L.Dense(16, activation="sigmoid")(L.Dense(12, activation="relu")(L.GlobalMaxPooling2D(keepdims=True)(x)))
    return keras.Model(i, head(unit(L.Multiply()([x, s]), 16)))


def spatial_attention() -> Any:
    i = image()
    x = unit(i, 16)
    return keras.Model(i, head(L.Multiply()([x, L.Conv2D(1, 3, padding="same", activation="sigmoid")(x)])))


def u_net() -> Any:
    i = image()
    one = unit(i, 16)
    two = unit(one, 24, strides=2)
    up = L.Conv2DTranspose(16, 2, strides=2, activation="relu")(two)
    other = L.UpSampling2D()(two)
    return keras.Model(i, L.Conv2D(2, 1)(L.Concatenate()([one, up, L.Cropping2D(0)(other)])))


def separable() -> Any:
    i = image()
    x = L.PReLU(shared_axes=[1, 2])(L.SeparableConv2D(16, 3, padding="same")(unit(i, 8)))
    x = L.PReLU()(L.BatchNormalization()(L.SeparableConv2D(24, 3, depth_multiplier=2)(x)))
    return keras.Model(i, head(x))


def series() -> Any:
    i = L.Input((16, 4))
    x = L.Conv1D(16, 3, padding="same", activation="relu")(i)
    x = L.DepthwiseConv1D(3, padding="same")(x)
    x = L.MaxPooling1D()(L.SeparableConv1D(24, 3, activation="relu")(x))
    x = L.Conv1DTranspose(16, 2)(x)
    return keras.Model(i, L.Dense(2)(L.Flatten()(L.Dense(12, activation="relu")(x))))


def shared() -> Any:
    a, b = L.Input((8, 8, 3)), L.Input((8, 8, 3))
    first, second = L.Conv2D(16, 3, activation="relu"), L.Conv2D(16, 3, activation="relu", padding="same")
    one, two = second(first(a)), second(first(b))
    return keras.Model([a, b], head(L.Subtract()([one, two])))


def nested() -> Any:
    inner = L.Input((8, 8, 16))
    block = keras.Model(inner, L.Add()([inner, unit(unit(inner, 24), 16)]), name="block")
    tail = keras.Sequential([L.Conv2D(16, 3, activation="relu"), L.MaxPooling2D()], name="tail")
    i = image()
    return keras.Model(i, head(tail(block(block(unit(i, 16))))))


def mobilenet_head() -> Any:
    i = image()
    x = L.Reshape((1, 1, 24))(L.GlobalAveragePooling2D()(unit(i, 24)))
    return keras.Model(i, L.Reshape((5,))(L.Conv2D(5, 1)(L.Dropout(0.1)(x))))


def permuted() -> Any:
    i = image()
    x = L.Permute((3, 1, 2))(unit(i, 16))
    x = L.Reshape((16, 64))(x)
    return keras.Model(i, L.Dense(3)(L.Flatten()(L.Permute((2, 1))(x))))


def operations() -> Any:
    i = image()
    x = L.Conv2D(16, 3)(i)
    x = x * (keras.ops.relu6(x + 3.0) * (1 / 6))
    y = L.Conv2D(16, 3, padding="same")(x)
    return keras.Model(i, head(keras.ops.maximum(x, y) - y))


def two_outputs() -> Any:
    i = image()
    x = unit(i, 16)
    y = L.Conv2D(16, 3, name="seen")(unit(x, 16))
    return keras.Model(i, {"seen": y, "label": head(L.ReLU()(y))})


def side_by_side() -> Any:
    i = image()
    x = L.Concatenate(axis=1)([unit(i, 16), unit(i, 16)])
    return keras.Model(i, head(L.Average()([x, L.Concatenate(axis=1)([unit(i, 16), unit(i, 16)])])))


MODELS: dict[str, Callable[[], Any]] = {
    made.__name__: made
    for made in (
        plain, sequential, flatten, residual, inverted_residual, multiplier, dense_net, squeeze_excite,
        spatial_attention, u_net, separable, series, shared, nested, mobilenet_head, permuted, operations, two_outputs,
        side_by_side,
    )
}  # fmt: skip


def drawn(make: Callable[[], Any], seed: int = 0) -> Any:
    """The model with weights, biases and statistics of no special value."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model, random = make(), np.random.default_rng(seed)
    for variable in model.variables:
        if variable.dtype != "float32":
            continue
        if "gamma" in variable.path or "variance" in variable.path:
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
        elif "kernel" not in variable.path:
            variable.assign(random.normal(0, 0.3, variable.shape))
    return model
