"""A student with a teacher against the same student without: same data, three seeds, mean and interval.

The digits of `examples/digits` always; CIFAR-10 where `EDGEBUILD_BENCH_DATA` names a folder with
`cifar10-train-4660.npz` and `mlperf-tiny/pretrainedResnet.h5`. Prints and never fails: `make bench`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.train.schedule import rates
from edgebuild.compress.train.segment import MODEL, Given, How, train_segment
from edgebuild.compress.train.students import fresh_weights
from edgebuild.compress.train.teaching import Teaching
from edgebuild.data.samples import SampleSet
from tests.bench.figures import show
from tests.conftest import wire

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]
SEEDS = (0, 1, 2)
STUDENTS_T = 4.303
"""Of two degrees of freedom, 97.5 %: the half width of a mean's 95 % interval in standard errors."""


@dataclass(frozen=True)
class Setting:
    """One comparison."""

    words: str
    width: float
    labelled: int
    epochs: int
    temperature: float = 4.0
    alpha: float = 0.7


@dataclass(frozen=True)
class Bed:
    """A teacher, samples to train on and others to judge by."""

    folder: Path
    teacher: Path
    name: str
    train: tuple[np.ndarray, np.ndarray]
    judge: tuple[np.ndarray, np.ndarray]

    def run(self, setting: Setting, seed: int, taught: bool) -> float:
        """Accuracy in %."""
        import keras

        place = self.folder / f"{self.name}-{setting.width}-{setting.labelled}-{seed}-{taught}"
        place.mkdir()
        x, y = self.train
        tags = {"known": tuple(row < setting.labelled for row in range(len(x)))}
        ids = tuple(map(str, range(len(x))))
        SampleSet(inputs={self.name: x}, ids=ids, labels={"label": y}, tags=tags).save(place / "train")
        fresh_weights(self.teacher, place / "start.keras", seed, setting.width)
        teaching = Teaching(predictions=wire("p"), temperature=setting.temperature, alpha=setting.alpha)
        # As many steps with few labels as a teacher takes with all samples.
        epochs = setting.epochs if taught else round(setting.epochs * len(x) / setting.labelled)
        how = How(
            first=0,
            rates=rates("cooldown", 1e-3, epochs),
            total=None,
            batch=32,
            seed=seed,
            loss="auto",
            labelled={"known": True},
        )
        files = Given(
            model=place / "start.keras",
            samples=place / "train",
            teaching=teaching if taught else None,
            predictions=self.folder if taught else None,
        )
        train_segment(files, how, None, place / "done")
        student = keras.models.load_model(place / "done" / MODEL, compile=False)
        return 100 * accuracy(student, *self.judge)


def accuracy(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    found: float = (model.predict(x, verbose=0).argmax(1) == y).mean()
    return found


def bed(folder: Path, teacher: Path, train: Any, judge: Any) -> Bed:
    """Predict the samples by the teacher, once."""
    from edgebuild.models.convert.traced import load_keras

    model = load_keras(teacher)
    np.savez(folder / "outputs.npz", outputs=model.predict(train[0], verbose=0))
    show("teacher, on what students are judged by", f"{100 * accuracy(model, *judge):.1f} %")
    return Bed(folder, teacher, model.inputs[0].name, train, judge)


def compare(where: Bed, setting: Setting) -> None:
    """Both arms on each seed, and their paired difference."""
    arms = {taught: np.array([where.run(setting, seed, taught) for seed in SEEDS]) for taught in (False, True)}
    gain = arms[True] - arms[False]
    half = STUDENTS_T * gain.std(ddof=1) / np.sqrt(len(gain))
    for taught, words in ((False, "labels alone"), (True, "with the teacher")):
        mean, spread = arms[taught].mean(), arms[taught].std(ddof=1)
        show(f"  {setting.words}: {words}", f"{mean:.1f} %", f"sd {spread:.1f} over {len(SEEDS)} seeds")
    show("  gain", f"{gain.mean():+.1f} pp", f"95 % interval {gain.mean() - half:+.1f} to {gain.mean() + half:+.1f}")
    sys.stdout.flush()


def test_digits(tmp_path: Path) -> None:
    print()
    with np.load(ROOT / "examples" / "digits" / "digits.npz") as archive:
        x, y = archive["images"][..., None].astype(np.float32) / 255, archive["labels"]
    # As the example deals them: the teacher was trained on the even ones.
    order = np.random.default_rng(0).permutation(len(y) // 2)
    train, judge = (x[::2][order], y[::2][order]), (x[1::2], y[1::2])
    digits = bed(tmp_path, ROOT / "examples" / "digits" / "digits.keras", train, judge)
    compare(digits, Setting("digits, 1/4 of the width, 2,500 labels", 0.25, 2500, 15))
    compare(digits, Setting("digits, 1/4 of the width, 100 labels, 2,400 without", 0.25, 100, 15))


def test_cifar(tmp_path: Path) -> None:
    place = os.environ.get("EDGEBUILD_BENCH_DATA")
    if not place:
        pytest.skip("EDGEBUILD_BENCH_DATA names no folder")
    from edgebuild.models.convert.h5_to_keras import h5_to_keras

    print()
    with np.load(Path(place) / "cifar10-train-4660.npz") as archive:
        names = list(archive.files)
        x, y = (archive[name] for name in names[:2])
    x, y = x.astype(np.float32), y.reshape(-1)
    h5_to_keras(Path(place) / "mlperf-tiny" / "pretrainedResnet.h5", tmp_path / "teacher.keras")
    order = np.random.default_rng(0).permutation(len(y))
    train, judge = order[:3000], order[3000:]
    resnet = bed(tmp_path, tmp_path / "teacher.keras", (x[train], y[train]), (x[judge], y[judge]))
    compare(resnet, Setting("CIFAR-10, ResNet8 of half the width, 3,000 labels", 0.5, 3000, 15))
    compare(resnet, Setting("CIFAR-10, the same, 300 labels, 2,700 without", 0.5, 300, 15))
