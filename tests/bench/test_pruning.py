"""Fewer multiplications, and how much of that arrives as time: channels left out, then trained on.

The digits of `examples/digits` always, whose network was trained to convergence on one half of them; Fashion-MNIST
where `EDGEBUILD_BENCH_DATA` names a folder with Keras's `fashion-mnist.npz`. Prints and never fails: `make bench`.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.prune.account import Pruning
from edgebuild.compress.prune.keras_sensitivity import measure_sensitivity
from edgebuild.compress.prune.keras_steps import cut_channels, plan_pruning, repair_keras
from edgebuild.models.convert.tensorflow_to_onnx import tensorflow_to_onnx
from tests.bench.figures import show

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
ROUNDS, RUNS = 60, 20
Samples = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Bed:
    """A trained network, and samples."""

    folder: Path
    source: Path
    train: Samples
    judge: Samples

    def fitted(self, model: Path, epochs: int, rate: float) -> Path:
        """The model after some epochs with a falling rate; Adam, images moved by up to two pixels."""
        import keras

        keras.utils.set_random_seed(0)
        opened, (images, labels) = keras.models.load_model(model), self.train
        fall = keras.optimizers.schedules.CosineDecay(rate, epochs * -(-len(images) // 64))
        opened.compile(keras.optimizers.Adam(fall), "sparse_categorical_crossentropy")
        for epoch in range(epochs):
            moved = np.stack(
                [np.roll(one, step, (0, 1)) for one, step in zip(images, moves(len(images), epoch), strict=True)]
            )
            opened.fit(moved, labels, batch_size=64, epochs=epoch + 1, initial_epoch=epoch, verbose=0)
        made = model.with_suffix(".fitted.keras")
        opened.save(made)
        return made

    def accuracy(self, model: Path) -> float:
        """In %."""
        import keras

        images, labels = self.judge
        return 100 * float((keras.models.load_model(model).predict(images, verbose=0).argmax(1) == labels).mean())


def moves(count: int, seed: int) -> list[tuple[int, int]]:
    return [tuple(row) for row in np.random.default_rng(seed).integers(-2, 3, (count, 2)).tolist()]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Bed:
    folder = tmp_path_factory.mktemp("pruning")
    sys.path.insert(0, str(ROOT / "examples" / "digits"))
    try:
        from data import digits as read
    finally:
        sys.path.pop(0)
    (_, *train), (_, *judge) = read("train"), read("held-out")
    return Bed(folder, ROOT / "examples" / "digits" / "digits.keras", tuple(train), tuple(judge))


def onnx_of(model: Path) -> Path:
    made = model.with_suffix(".onnx")
    tensorflow_to_onnx(model, "keras", made, {"batch": 1}, {})
    return made


def speed_ups(models: list[Path], image: np.ndarray) -> list[float]:
    """Speed of each over that of the first: one thread, shuffled rounds, median over rounds of the ratio of minima."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    sessions = [ort.InferenceSession(str(model), options) for model in models]
    feed, random = {sessions[0].get_inputs()[0].name: image}, np.random.default_rng(0)
    least = np.zeros((ROUNDS, len(models)))
    for row in range(ROUNDS):
        for which in random.permutation(len(models)):
            taken = []
            for _ in range(RUNS):
                start = time.perf_counter()
                sessions[which].run(None, feed)
                taken.append(time.perf_counter() - start)
            least[row, which] = min(taken)
    return [float(item) for item in np.median(least[:, :1] / least, axis=0)]


def curve(bed: Bed, cases: list[tuple[str, dict[str, Any]]], epochs: int, rate: float) -> None:
    """One line for each way to prune."""
    np.savez(bed.folder / "samples.npz", image=bed.train[0][:300])
    measure_sensitivity(bed.source, bed.folder / "samples.npz", bed.folder / "sensitivity.json")
    base, models, rows = bed.accuracy(bed.source), [], []
    whole = bed.folder / "source.keras"
    whole.write_bytes(bed.source.read_bytes())
    for number, (name, how) in enumerate(cases):
        plan, cut = bed.folder / f"{number}.json", bed.folder / f"{number}.keras"
        given = {**how, "sensitivity": bed.folder / "sensitivity.json"} if how.get("sensitivity") else how
        plan_pruning(bed.source, plan, **given)
        cut_channels(bed.source, plan, cut)
        macs = Pruning.model_validate_json(plan.read_bytes()).macs
        repaired = bed.folder / f"{number}.repaired.keras"
        repair_keras(bed.source, cut, plan, bed.folder / "samples.npz", repaired)
        fitted = bed.fitted(repaired, epochs, rate)
        rows.append((name, macs[0] / macs[1], [bed.accuracy(model) for model in (cut, repaired, fitted)]))
        models.append(onnx_of(fitted))
    print()
    show("source", f"{base:.2f} %", "accuracy")
    speeds = speed_ups([onnx_of(whole), *models], bed.judge[0][:1])[1:]
    for (name, gain, (cut_only, repaired_only, trained)), speed in zip(rows, speeds, strict=True):
        show(f"{name}, ORT, 1 thread", f"{speed:.2f}x", f"{gain:.2f}x fewer MACs, {speed / gain:.2f} of it arrives")
        words = f"{cut_only:.1f} % cut, {repaired_only:.1f} % fitted, {trained:.2f} % trained"
        show("", f"{trained - base:+.2f} pp", words)


CASES: list[tuple[str, dict[str, Any]]] = [
    ("keep 0.75, multiples of 8", {"keep": 0.75}),
    ("keep 0.5, multiples of 8", {"keep": 0.5}),
    ("keep 0.5, by sensitivity", {"keep": 0.5, "sensitivity": True}),
    ("keep 0.25, multiples of 8", {"keep": 0.25}),
    ("keep 0.4, any width", {"keep": 0.4, "multiple": 1}),
]


def test_digits(digits: Bed) -> None:
    curve(digits, CASES, epochs=40, rate=1e-3)


def test_fashion_mnist(tmp_path: Path) -> None:
    place = Path(os.environ.get("EDGEBUILD_BENCH_DATA", "/nowhere"), "fashion-mnist.npz")
    if not place.is_file():
        pytest.skip("EDGEBUILD_BENCH_DATA names no folder with fashion-mnist.npz")
    sys.path.insert(0, str(ROOT / "examples" / "digits"))
    try:
        from train import network
    finally:
        sys.path.pop(0)
    with np.load(place) as archive:
        images, labels, unseen, classes = (archive[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    given = [np.float32(item[..., None] / 255) for item in (images, unseen)]
    network().save(tmp_path / "new.keras")
    bed = Bed(tmp_path, tmp_path / "new.fitted.keras", (given[0], labels), (given[1], classes))
    bed.fitted(tmp_path / "new.keras", 20, 2e-3)
    curve(bed, CASES[:3], epochs=10, rate=1e-3)
