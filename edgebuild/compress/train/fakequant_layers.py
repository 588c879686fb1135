"""Layers that compute as integers would, with gradients that go straight through; imported late itself."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

MOMENTUM = 0.99
"""Of the ranges, for each batch."""
LEAST = 1e-6
"""A range is never narrower."""
LEVELS, TOP = 255.0, 127.0
"""Steps of an activation's range; largest weight."""


def with_12_bits(values: Any) -> Any:
    """Numbers with 12 significant bits, so that 127 times a scale is a float32, and so are ranges in artifacts."""
    return tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(values, tf.int32) + 0x800, ~0xFFF), tf.float32)


def on_grid(low: Any, high: Any) -> tuple[Any, Any]:
    """Both bounds in multiples of one power of two, 12 bits of the larger: their distance is exact in float32."""
    high = tf.maximum(high, tf.maximum(low, 0.0) + LEAST)
    exponent = tf.bitwise.right_shift(tf.bitcast(tf.maximum(-low, high), tf.int32), 23) - 11
    grid = tf.bitcast(tf.bitwise.left_shift(exponent, 23), tf.float32)
    return tf.round(tf.minimum(low, 0.0) / grid) * grid, tf.round(high / grid) * grid


def as_activation(x: Any, low: Any, high: Any) -> Any:
    """Values in steps of (high − low) / 255 with an integer for 0; the gradient is that of the clipping alone.

    Source: Jacob et al. 2017, arXiv:1712.05877, section 3.
    """
    low, high = on_grid(low, high)
    scale = (high - low) / LEVELS
    zero = tf.clip_by_value(tf.round(-low / scale), 0.0, LEVELS)
    steps = tf.clip_by_value(tf.round(x / scale) + zero, 0.0, LEVELS)
    clipped = tf.clip_by_value(x, -zero * scale, (LEVELS - zero) * scale)
    return clipped + tf.stop_gradient((steps - zero) * scale - clipped)


def scales(kernel: Any, axes: tuple[int, ...]) -> Any:
    """Of each output channel: the largest magnitude / 127, in 12 bits; `axes` are those within a channel."""
    largest = tf.reduce_max(tf.abs(kernel), axis=axes, keepdims=True)
    return with_12_bits(tf.maximum(largest, LEAST) / TOP)


def as_weight(kernel: Any, axes: tuple[int, ...]) -> Any:
    """Weights in whole steps of their channel's scale, the gradient straight through."""
    scale = tf.stop_gradient(scales(kernel, axes))
    exact = tf.clip_by_value(tf.round(kernel / scale), -TOP, TOP) * scale
    return kernel + tf.stop_gradient(exact - kernel)


def within_channel(layer: Any) -> tuple[int, ...]:
    """Axes of a kernel over which one output channel goes."""
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    return (0, 1) if depthwise else tuple(range(len(layer.kernel.shape) - 1))


class Weighted(keras.layers.Layer):  # type: ignore[misc]
    """A layer, by weights as integers would have them; its own stay exact, and are what is trained."""

    def __init__(self, inner: Any) -> None:
        super().__init__(name=inner.name)
        self.inner, self.activation = inner, inner.activation

    def call(self, value: Any) -> Any:
        """What the layer gives."""
        kernel, axes = self.inner.kernel, within_channel(self.inner)

        def seen(variable: Any) -> Any:
            exact = tf.convert_to_tensor(variable.value)
            return as_weight(exact, axes) if variable is kernel else exact

        trained = [seen(item) for item in self.inner.trainable_variables]
        others = [seen(item) for item in self.inner.non_trainable_variables]
        return self.inner.stateless_call(trained, others, value)[0]

    def compute_output_shape(self, shape: Any) -> Any:
        """The layer's."""
        return self.inner.compute_output_shape(shape)


class Range(keras.layers.Layer):  # type: ignore[misc]
    """Lowest and highest value of what shares them."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        given = {"shape": (), "trainable": False}
        self.low = self.add_weight(**given, initializer=keras.initializers.Constant(low), name="low")
        self.high = self.add_weight(**given, initializer=keras.initializers.Constant(high), name="high")
        self.built = True

    def follow(self, value: Any) -> None:
        """Go after a batch: the mean over its samples of each one's lowest and highest value."""
        rows = tf.reshape(tf.stop_gradient(value), (tf.shape(value)[0], -1))
        low = tf.reduce_mean(tf.minimum(tf.reduce_min(rows, axis=1), 0.0))
        high = tf.reduce_mean(tf.maximum(tf.reduce_max(rows, axis=1), 0.0))
        self.low.assign(MOMENTUM * self.low.value + (1 - MOMENTUM) * low)
        self.high.assign(MOMENTUM * self.high.value + (1 - MOMENTUM) * high)


class Between(keras.layers.Layer):  # type: ignore[misc]
    """Values between layers as integers would have them."""

    def __init__(self, name: str, shared: Range, follows: bool, activation: Any) -> None:
        super().__init__(name=name)
        self.shared, self.follows = shared, follows
        # Whoever looks for the model's last activation sees the layer's.
        self.activation = activation

    def call(self, value: Any, training: bool | None = None) -> Any:
        """The same shape."""
        if training and self.follows:
            self.shared.follow(value)
        return as_activation(value, self.shared.low.value, self.shared.high.value)

    def compute_output_shape(self, shape: Any) -> Any:
        """The same."""
        return shape
