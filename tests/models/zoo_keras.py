"""Keras models of the zoo, seeded; channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def write(make: Callable[[], Any], folder: Path, name: str) -> dict[str, Path]:
    """The model as `.keras`, and by the product's own conversions as `.onnx` and `.tflite`."""
    import keras

    from edgebuild.models.convert.tensorflow_to_onnx import tensorflow_to_onnx
    from edgebuild.models.convert.tensorflow_to_tflite import tensorflow_to_tflite

    keras.utils.set_random_seed(5)
    model = settled(make())
    files = {
        "keras": folder / f"{name}.keras",
        "onnx-file": folder / f"{name}.onnx",
        "tflite": folder / f"{name}.tflite",
    }
    model.save(files["keras"])
    tensorflow_to_onnx(files["keras"], "keras", files["onnx-file"], {"batch": 1}, {})
    tensorflow_to_tflite(files["keras"], "keras", files["tflite"], {"batch": 1}, {})
    return files


def write_int8(
    make: Callable[[], Any], feeds: Sequence[dict[str, np.ndarray[Any, Any]]], folder: Path, name: str
) -> dict[str, Path]:
    """The model as an integer TFLite file by TensorFlow's own quantizer."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(5)
    converter = tf.lite.TFLiteConverter.from_keras_model(settled(make()))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter([list(feed.values()) for feed in feeds])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    file = folder / f"{name}.tflite"
    file.write_bytes(converter.convert())
    return {"tflite": file}


def settled(model: Any) -> Any:
    """Batch norms with statistics that are not 0 and 1."""
    random = np.random.default_rng(4)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([
                gamma + random.normal(0, 0.2, gamma.shape), beta + random.normal(0, 0.2, beta.shape),
                mean + random.normal(0, 0.2, mean.shape), variance * random.uniform(0.5, 2, variance.shape),
            ])  # fmt: skip
    return model


def separable() -> Any:
    """Depthwise-separable convolutions on a spectrogram, as MLPerf Tiny's keyword spotter."""
    import keras
    from keras import layers

    given = keras.Input((49, 10, 1), name="features")
    x = layers.Conv2D(16, (10, 4), strides=2, padding="same", use_bias=False)(given)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for _ in range(3):
        x = layers.ReLU()(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x)))
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 1)(x)))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(given, layers.Dense(12, activation="softmax", name="scores")(x))


def autoencoder() -> Any:
    """Dense layers around a narrow one."""
    import keras
    from keras import layers

    given = keras.Input((64,), name="window")
    x = given
    for units in (32, 16, 4, 16, 32):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(units)(x)))
    return keras.Model(given, layers.Dense(64, name="rebuilt")(x))


def channels_last() -> Any:
    """A picture that is not square, GELU, transposed convolution, padding, two outputs."""
    import keras
    from keras import layers

    given = keras.Input((24, 20, 3), name="image")
    x = layers.Conv2D(8, 3, activation="gelu", padding="same")(given)
    x = layers.MaxPooling2D(2)(layers.ZeroPadding2D(((1, 0), (0, 1)))(x))
    deep = layers.Conv2DTranspose(6, 3, strides=2, padding="same", activation="swish")(x)
    scores = layers.Dense(5, activation="softmax", name="scores")(layers.GlobalMaxPooling2D()(deep))
    return keras.Model(given, [scores, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(deep)])


def attention() -> Any:
    """Multi-head attention over time, layer norm, GELU."""
    import keras
    from keras import layers

    given = keras.Input((16, 8), name="signal")
    x = layers.Dense(16)(given)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 8)(x, x))
    x = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, activation="gelu")(x)))
    return keras.Model(given, layers.Dense(4, activation="softmax", name="scores")(layers.GlobalAveragePooling1D()(x)))


def recurrent() -> Any:
    """An LSTM, unrolled as microcontrollers want it."""
    import keras
    from keras import layers

    given = keras.Input((12, 5), name="signal")
    x = layers.LSTM(10, unroll=True)(given)
    return keras.Model(given, layers.Dense(3, activation="softmax", name="scores")(x))
