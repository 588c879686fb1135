"""Candidates that are trained, from a spec to the report and the lock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Project
from tests.compress.train.conftest import network, pictures

SPEC = """\
edgebuild: 1
name: bright
model: {source: bright.keras}
data:
  source: bright.npz
  splits: {train: 160, select: 60, report: 120}
metrics:
  accuracy: {metric: top1}
train: {epochs: 6, segment: 6, learning_rate: 0.01}
candidates:
  defaults: false
  tuned: {train: {}}
  small: {distill: {width: 0.5}}
  own: {distill: {student: student.py:build, teacher: bright.keras, epochs: 2}}
  hooked: {train: {fit: train.py:fit, epochs: 1}}
targets:
  pi: {device: raspberry-pi-5, runtime: onnxruntime}
budgets:
  all: {accuracy.drop: 60 pp}
objective: [{minimize: size}]
"""

STUDENT = """\
import keras


def build():
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(4)(image))
    return keras.Model(image, keras.layers.Dense(3, activation="softmax", name="scores")(x))
"""

FIT = """\
def fit(model, data, context):
    model.fit(data.x, data.y, batch_size=context.batch, epochs=context.epochs, verbose=0)
    return model
"""


@pytest.fixture
def bright(tmp_path: Path) -> Project:
    """A network that knows nothing yet, pictures, a student and a training of the user's own."""
    folder = tmp_path / "bright"
    folder.mkdir()
    x, y = pictures(340, 3)
    np.savez(folder / "bright.npz", x=x, label=y)
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*pictures(300, 8), epochs=2, verbose=0)
    model.save(folder / "bright.keras")
    (folder / "student.py").write_text(STUDENT)
    (folder / "train.py").write_text(FIT)
    (folder / "deployment.edge.yaml").write_text(SPEC)
    return Project(folder, tmp_path / "store")


def candidates(project: Project) -> dict[str, Any]:
    file = project.folder / "build" / "bright" / "dossiers" / "pi.json"
    return {item["name"]: item for item in json.loads(file.read_text())["candidates"]}


def value(candidate: dict[str, Any], quantity: str) -> float:
    """On the split that verdicts are given on."""
    found = [item for item in candidate["measurements"] if item["quantity"] == quantity]
    return float(next(item["value"] for item in found if item["split"] in ("", "report")))


@pytest.mark.slow
def test_trained_and_taught_candidates_reach_the_report(bright: Project) -> None:
    done = bright.build()
    assert done.code == 0, done.out + done.err
    found = candidates(bright)
    assert not [name for name, item in found.items() if item["refusal"]]
    assert value(found["tuned"], "accuracy") > value(found["source"], "accuracy")
    assert value(found["small"], "size") < 0.8 * value(found["source"], "size")
    assert found["small"]["recipe"].startswith(
        "distil the source into 0.5 × the width, 6 epochs; 6 epochs done, the last"
    )
    assert found["own"]["recipe"].startswith("distil bright.keras into your own student.py:build, 2 epochs; ")
    report = (bright.folder / "build" / "bright" / "report" / "report.md").read_text()
    assert "train 1 epochs by your own train.py:fit" in report
    assert bright.build().ran == 0
    # A change of the user's training trains that candidate alone.
    bright.replace("verbose=0", "verbose=0, shuffle=False", "train.py")
    again = bright.build()
    assert "hooked: train (" in again.out + again.err
    assert "tuned: train (" not in again.out + again.err


@pytest.mark.slow
def test_a_mistake_in_a_training_is_told_at_its_line(bright: Project) -> None:
    bright.replace("model.fit(", "model.fitt(", "train.py")
    done = bright.build("--candidate", "hooked")
    assert done.code == 2
    assert "\ntrain.py:2:5: bright: pi: hooked: train: `fit`: AttributeError: 'Fitted' object has no" in done.err
    assert "   2 |     model.fitt(data.x, data.y, " in done.err
