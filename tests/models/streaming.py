"""Small models that see one step at a time, with real weights, and projects around them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

DIGITS = """\
edgebuild: 1
name: rows
release: "1"
model:
  source: rows.keras
  inputs:
    row: {steps: 0, period: 10 ms}
    state: {state: state_out}
data:
  source: rows.npz
  splits: {calibrate: 100, select: 300, report: 600}
metrics:
  accuracy: {metric: top1, output: probs, step: last}
targets:
  ort: {device: here, runtime: onnxruntime}
  litert: {device: here, runtime: litert}
  coreml: {device: here, runtime: coreml, minimum_os: iOS17}
  micro: {device: here, runtime: tflite-micro}
  rtx: {device: here, runtime: tensorrt}
budgets:
  all: {accuracy.drop: 3 pp, parity: 0.001}
objective: [{minimize: size}]
"""
"""Handwritten digits, one row of eight pixels after the other; the class after the last row."""


def write_digits(folder: Path, units: int = 32) -> float:
    """`rows.keras` (one step), trained as a whole sequence, `rows.npz` and the spec; accuracy of the sequence, in %.

    The trained model is unrolled over the eight rows; the step has the same weights, its state going in and out.
    """
    import keras
    from sklearn.datasets import load_digits

    keras.utils.set_random_seed(0)
    images, label = load_digits(return_X_y=True)
    x = (images.reshape(-1, 8, 8) / 16).astype(np.float32)
    cell, head = keras.layers.GRUCell(units), keras.layers.Dense(10, activation="softmax", name="probs")
    rows = keras.Input((8, 8))
    whole = keras.Model(rows, head(keras.layers.RNN(cell)(rows)))
    whole.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    order = np.random.default_rng(0).permutation(len(x))
    taught, rest = order[:700], order[700:]
    whole.fit(x[taught], label[taught], epochs=60, batch_size=32, verbose=0)
    row, state = keras.Input((8,), name="row"), keras.Input((units,), name="state")
    after = cell(row, [state])[0]
    step = keras.Model([row, state], [head(after), keras.layers.Identity(name="state_out")(after)])
    step.save(folder / "rows.keras")
    np.savez(folder / "rows.npz", row=x[rest], label=label[rest])
    (folder / "deployment.edge.yaml").write_text(DIGITS)
    # In float32 and all at once: what the steps must come to.
    said = whole.predict(x[rest], verbose=0)
    np.save(folder / "whole.npy", said)
    return 100 * float((said.argmax(axis=1) == label[rest]).mean())


SILERO = """\
edgebuild: 1
name: vad
release: "1"
model:
  source: package://silero-vad/silero_vad/data/silero_vad_openvino_16k.onnx
  inputs:
    input: {steps: 0, period: 32 ms}
    state: {state: stateN}
data:
  source: vad.npz
  splits: {calibrate: 8, select: 8, report: 10}
metrics:
  error: {metric: max_error}
candidates: {defaults: false}
targets:
  ort: {device: here, runtime: onnxruntime}
  litert: {device: here, runtime: litert}
  coreml: {device: here, runtime: coreml}
budgets:
  all: {parity: 0.0001}
objective: [{minimize: size}]
"""
"""Silero's voice activity detector (MIT), as its own package holds it: 64 samples of context and 512 new ones."""


def write_silero(folder: Path, count: int = 26, steps: int = 20) -> np.ndarray:
    """The spec and `vad.npz`: hums with overtones between noise, as the detector's steps; what was written."""
    random = np.random.default_rng(7)
    rate, piece, context = 16000, 512, 64
    time = np.arange(steps * piece) / rate
    made = []
    for _ in range(count):
        pitch = random.uniform(100, 200) * (1 + 0.1 * np.sin(2 * np.pi * 3 * time))
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        peaks = random.uniform(300, 2800, 3)
        weights = [sum(1 / (1 + ((k * pitch.mean() - peak) / 120) ** 2) for peak in peaks) for k in range(1, 25)]
        hum = sum(weight * np.sin((k + 1) * phase) for k, weight in enumerate(weights))
        loud = np.clip(np.sin(2 * np.pi * time / random.uniform(0.4, 0.8)), 0, 1)
        wave = np.concatenate([np.zeros(context), 0.2 * hum * loud + 0.01 * random.normal(size=len(time))])
        made.append([wave[row * piece : row * piece + piece + context] for row in range(steps)])
    samples = np.clip(np.array(made), -1, 1).astype(np.float32)
    np.savez(folder / "vad.npz", input=samples)
    (folder / "deployment.edge.yaml").write_text(SILERO)
    return samples


def build(folder: Path, *arguments: str) -> str:
    """Build the project in a store of its own; what was said."""
    command = [sys.executable, "-m", "edgebuild", "build", "--store", str(folder / "store"), *arguments]
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
