"""Programs that save a model in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

KERAS = """\
import sys
import keras

keras.utils.set_random_seed(3)
inputs = keras.Input((8, 8, 3), name="image")
x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
x = keras.layers.BatchNormalization()(x)
x = keras.layers.GlobalAveragePooling2D()(x)
left, right = keras.layers.Dense(5)(x), keras.layers.Dense(5)(x)
model = keras.Model(inputs, keras.layers.Softmax(name="scores")(left + right))
model.compile("adam", "mse", metrics=["mae"])
model.save(sys.argv[1])
"""

COREML = """\
import sys
import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb

random = np.random.default_rng(3)
weights = random.normal(size=(64, 3, 3, 3)).astype(np.float32)
dense = random.normal(size=(64, 64)).astype(np.float32)

@mb.program(input_specs=[mb.TensorSpec(shape=(1, 3, 8, 8))], opset_version=ct.target.iOS16)
def program(image):
    x = mb.relu(x=mb.conv(x=image, weight=weights, pad_type="same"))
    x = mb.reduce_mean(x=x, axes=[2, 3])
    return mb.softmax(x=mb.linear(x=x, weight=dense), axis=-1, name="scores")

model = ct.convert(program, convert_to="mlprogram", minimum_deployment_target=ct.target.iOS16)
model.short_description = "saved by a test"
model.user_defined_metadata.update({f"key {number}": "value" for number in range(20)})
model.save(sys.argv[1])
"""

APART_S = 2.5
"""Zip archives keep times to two seconds."""


def saved_twice(program: str, folder: Path, name: str) -> tuple[Path, Path]:
    """What a program saves in two fresh processes: at other times, under other paths, with other hash seeds."""
    first = saved(program, folder / "one" / name, "1")
    time.sleep(APART_S)
    return first, saved(program, folder / "another" / "place" / name, "2")


def saved(program: str, path: Path, seed: str) -> Path:
    path.parent.mkdir(parents=True)
    environment = {**os.environ, "PYTHONHASHSEED": seed, "HOME": str(path.parent)}
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
