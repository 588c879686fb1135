"""Keras models, converted by coremltools and run by Keras: `python -m tests.runtimes.coreml.keras_models OUT`.

Each leaves `NAME.mlpackage` and `NAME.npz` with `x` and `y`; weights are random. Recurrent layers are unrolled:
coremltools 9 does not convert the loops of Keras 3.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402

sys.modules["torch"] = None  # type: ignore[assignment] - coremltools would import it for nothing
import coremltools as ct  # noqa: E402

from tests.runtimes.coreml.names import KERAS  # noqa: E402


def cnn(x: Any) -> Any:
    y = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    y = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(y))
    y = layers.MaxPooling2D(3, 2, padding="same")(layers.ReLU(6.0)(y))
    y = layers.AveragePooling2D(2, 1, padding="same")(layers.SeparableConv2D(12, 3)(y))
    return layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(y))


def unet(x: Any) -> Any:
    down = layers.Conv2D(6, 3, strides=2, padding="same", activation="swish")(x)
    y = layers.Conv2D(8, 3, strides=2, padding="same", dilation_rate=1)(down)
    y = layers.Concatenate()([layers.UpSampling2D(2, interpolation="bilinear")(y), down])
    y = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(y)
    return layers.Conv2DTranspose(2, 2, strides=2)(layers.LayerNormalization()(layers.ZeroPadding2D(1)(y)))


def recurrent(x: Any) -> Any:
    y = layers.SimpleRNN(6, return_sequences=True, unroll=True)(x)
    return layers.Bidirectional(layers.LSTM(5, return_sequences=True, unroll=True))(y)


def tanh_gelu(x: Any) -> Any:
    """Coremltools knows no `Erfc`, of which the exact one is made."""
    return keras.activations.gelu(x, approximate=True)


def attention(x: Any) -> Any:
    y = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    return layers.Dense(3)(layers.Dense(16, activation=tanh_gelu)(y))


def one_dimension(x: Any) -> Any:
    y = layers.Conv1D(8, 5, strides=2, padding="causal", activation="elu")(x)
    return layers.GlobalMaxPooling1D()(layers.UpSampling1D(2)(layers.AveragePooling1D(2)(y)))


def activations(x: Any) -> Any:
    y = layers.PReLU(shared_axes=[1, 2])(layers.LeakyReLU()(x)) + layers.Activation("softplus")(x)
    return y * layers.Activation("hard_sigmoid")(x) + layers.Activation("selu")(x) - layers.Activation("softsign")(x)


MODELS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "cnn": ((33, 31, 3), cnn),
    "unet": ((16, 24, 3), unet),
    "mobilenet": ((96, 96, 3), lambda x: keras.applications.MobileNetV2(
        input_tensor=x, alpha=0.35, weights=None, include_top=False, pooling="avg").output),
    "lstm": ((7, 5), lambda x: layers.LSTM(6, unroll=True)(layers.LSTM(4, return_sequences=True, unroll=True)(x))),
    "gru": ((7, 5), lambda x: layers.GRU(6, return_sequences=True, unroll=True)(x) * 1),
    "recurrent": ((7, 5), recurrent),
    "attention": ((6, 8), attention),
    "one_dimension": ((40, 3), one_dimension),
    "activations": ((5, 6, 4), activations),
}  # fmt: skip


def write(name: str, folder: Path) -> None:
    """One model: its package in float32, and what Keras answers."""
    shape, build = MODELS[name]
    keras.utils.set_random_seed(sum(map(ord, name)))
    inputs = keras.Input(shape, batch_size=1, name="x")
    model = keras.Model(inputs, build(inputs))
    for part in model._flatten_layers():
        if isinstance(part, layers.BatchNormalization):
            part.moving_mean.assign(0.1 * np.random.standard_normal(part.moving_mean.shape))
            part.moving_variance.assign(np.random.uniform(0.5, 2, part.moving_variance.shape))
    call = tf.function(lambda x: model(x, training=False), input_signature=[tf.TensorSpec((1, *shape), name="x")])
    program = ct.convert(
        [call.get_concrete_function()], source="tensorflow", convert_to="mlprogram", skip_model_load=True,
        minimum_deployment_target=ct.target.iOS16, compute_precision=ct.precision.FLOAT32,
    )  # fmt: skip
    program.save(str(folder / f"{name}.mlpackage"))
    x = np.random.standard_normal((1, *shape)).astype(np.float32)
    np.savez(folder / f"{name}.npz", x=x, y=call(tf.constant(x)).numpy())


def main() -> None:
    folder = Path(sys.argv[1])
    assert tuple(MODELS) == KERAS, "names.py has another list"
    for name in sys.argv[2:] or MODELS:
        try:
            write(name, folder)
        except Exception as error:  # the test tells which models coremltools itself does not convert
            (folder / f"{name}.txt").write_text(f"{type(error).__name__}: {error}", encoding="utf-8")


if __name__ == "__main__":
    main()
