"""Train `gestures.h5` on the 40 training clips: `python train.py`. It takes less than a minute on two cores."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from data import clips
from keras import layers

COPIES, EPOCHS, BATCH = 25, 12, 32


def network():
    """44 thousand parameters, 1.7 million multiply-accumulates."""
    motion = x = keras.Input((100, 6), name="motion")
    for pool in (True, True, False):
        x = layers.Conv1D(64, 5, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling1D()(x) if pool else x
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(motion, layers.Dense(4, activation="softmax", name="activity")(x), name="gestures")


def varied(motions, seed):
    """Copies of all motions, begun at another moment, a little stronger or weaker, with a little noise."""
    draw = np.random.default_rng(seed)
    moved = np.stack([np.roll(motion, draw.integers(len(motion)), 0) for motion in motions])
    strength = draw.uniform(0.8, 1.25, (len(motions), 1, 1))
    return (moved * strength + draw.normal(0, 0.03, motions.shape)).astype(np.float32)


def train():
    """A trained network, without the optimizer's state."""
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    _, motions, labels = clips("train")
    more = np.concatenate([varied(motions, seed) for seed in range(COPIES)])
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(1e-3, EPOCHS * -(-len(more) // BATCH))
    # Softened targets: with so few clips the network would be sure of everything.
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    model.fit(more, np.tile(np.eye(4)[labels], (COPIES, 1)), batch_size=BATCH, epochs=EPOCHS, verbose=2)
    return keras.Model(model.inputs, model.outputs, name=model.name)


if __name__ == "__main__":
    trained = train()
    trained.save(Path(__file__).with_name("gestures.h5"), include_optimizer=False)
    _, unseen, classes = clips("test")
    right = (trained.predict(unseen, verbose=0).argmax(1) == classes).sum()
    print(f"{right} of {len(classes)} test clips right")
