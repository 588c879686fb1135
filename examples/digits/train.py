"""Train `digits.keras` on one half of the digits: `python train.py`. It takes one to two minutes on two cores."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from data import digits
from keras import layers

COPIES, EPOCHS, BATCH = 6, 10, 64


def network():
    """57 thousand parameters, 11 million multiply-accumulates."""
    image = x = keras.Input((28, 28, 1), name="image")
    for filters, pool in ((32, True), (64, False), (64, True)):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D()(x) if pool else x
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="probabilities")(x), name="digits")


def shifted(images, seed):
    """Copies of all images, each moved by up to two pixels: 2,500 digits go further."""
    draw = np.random.default_rng(seed)
    moves = draw.integers(-2, 3, (len(images), 2))
    return np.stack([np.roll(image, tuple(move), (0, 1)) for image, move in zip(images, moves, strict=True)])


def train():
    """A trained network, without the optimizer's state."""
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    _, images, labels = digits("train")
    more = np.concatenate([shifted(images, seed) for seed in range(COPIES)])
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * -(-len(more) // BATCH))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(more, np.tile(labels, COPIES), batch_size=BATCH, epochs=EPOCHS, verbose=2)
    return keras.Model(model.inputs, model.outputs, name=model.name)


if __name__ == "__main__":
    trained = train()
    trained.save(Path(__file__).with_name("digits.keras"))
    _, unseen, classes = digits("held-out")
    right = (trained.predict(unseen, verbose=0).argmax(1) == classes).mean()
    print(f"held-out accuracy {right:.2%} of {len(classes)} digits")
