"""Write `keras2.h5`, `keras2.keras` and `keras2.npz` beside this file: what Keras 2 saves, and what it predicts.

In an environment of its own, since Keras 2 and Keras 3 do not share one:

    pip install "tf-keras==2.21.*" "tensorflow==2.21.*"
    TF_USE_LEGACY_KERAS=1 python keras2.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tf_keras as keras

HERE = Path(__file__).parent


def main() -> None:
    """Image (12, 12, 3) → Conv, BatchNorm, DepthwiseConv, mean, Dense → 5 classes."""
    keras.utils.set_random_seed(7)
    image = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    model = keras.Model(image, keras.layers.Dense(5, activation="softmax", name="probs")(x), name="keras2")
    random = np.random.default_rng(7)
    images = random.normal(size=(64, 12, 12, 3)).astype(np.float32)
    # Seen in training, so that the statistics of the normalization are not those of the start.
    for _ in range(20):
        model(images, training=True)
    model.save(HERE / "keras2.keras")
    model.save(HERE / "keras2.h5")
    np.savez(HERE / "keras2.npz", image=images[:4], probs=model.predict(images[:4], verbose=0))


if __name__ == "__main__":
    main()
