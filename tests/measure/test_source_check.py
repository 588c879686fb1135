"""The source against chance: permuted labels stop the build, a weak model does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.data.arrays import save_arrays
from edgebuild.data.samples import SampleSet
from edgebuild.errors import DataError
from edgebuild.measure.source_check import CheckSource
from tests.conftest import Bench, wire


def run(folder: Path, output: np.ndarray, labels: np.ndarray | None, *metrics: Any) -> list[Any]:
    count = len(output)
    split = SampleSet(
        {"x": np.arange(count)[:, None]}, tuple(map(str, range(count))), {} if labels is None else {"label": labels}
    )
    split.save(folder / "samples")
    (folder / "reference").mkdir(exist_ok=True)
    save_arrays(folder / "reference" / "outputs.npz", {"p": output})
    bench = Bench(folder / "bench", s=folder / "samples", r=folder / "reference")
    step = CheckSource(reference=wire("r"), samples=wire("s"), metrics=metrics)
    rows: list[Any] = json.loads(bench.run(step).read_text())
    return rows


def classifier(count: int, classes: int, accuracy: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    found = np.where(rng.random(count) < accuracy, labels, rng.integers(0, classes, count))
    return np.eye(classes, dtype=np.float32)[found] + 0.01 * rng.random((count, classes), np.float32), labels


def test_a_good_source_is_noted_with_chance_beside_it(tmp_path: Path) -> None:
    output, labels = classifier(400, 10, 0.9)

    top1, sqnr = run(tmp_path, output, labels, "top1", "sqnr")

    assert top1["value"] > 85 and top1["chance"] == pytest.approx(10, abs=1)
    assert (top1["samples"], sqnr["chance"], sqnr["value"]) == (400, None, 200)


def test_permuted_labels_stop_the_build_with_the_numbers(tmp_path: Path) -> None:
    output, labels = classifier(400, 10, 0.95)
    shuffled = np.random.default_rng(3).permutation(labels)

    with pytest.raises(DataError) as caught:
        run(tmp_path, output, shuffled, "top1", "f1")

    value = 100 * (output.argmax(axis=1) == shuffled).mean()
    assert (
        caught.value.problems[0]
        .render()
        .startswith(
            f"data: labels permuted? The untouched model's top1 is {value:.4g} % on 400 samples; chance is 10.2"
        )
    )
    assert caught.value.problems[0].fix == (
        "Check that labels belong to their samples, that class numbers are the model's, and that inputs are scaled as "
        "in training."
    )
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(("count", "classes"), [(40, 2), (40, 10), (400, 2), (3000, 100)])
@pytest.mark.parametrize("metric", ["top1", "f1", "auroc"])
def test_permuted_labels_are_seen_in_small_sets_too(tmp_path: Path, count: int, classes: int, metric: str) -> None:
    caught = 0
    for seed in range(10):
        output, labels = classifier(count, classes, 0.95, seed)
        try:
            run(tmp_path, output, np.random.default_rng(seed + 50).permutation(labels), metric)
        except DataError:
            caught += 1
    # The margin is one-sided 95 % at least for top1; f1 and auroc scatter a little more.
    assert caught >= 8


def test_a_weak_but_real_source_goes_on(tmp_path: Path) -> None:
    output, labels = classifier(400, 10, 0.25)

    assert run(tmp_path, output, labels, "top1")[0]["value"] < 40


def test_one_that_always_says_the_common_class_is_at_chance(tmp_path: Path) -> None:
    labels = (np.arange(400) % 10 == 0).astype(np.int64)

    with pytest.raises(DataError, match=r"top1 is 90 % on 400 samples; chance is 90 %"):
        run(tmp_path, np.tile(np.float32([0.9, 0.1]), (400, 1)), labels, "top1")


def test_few_samples_cannot_tell_and_slices_and_regressions_are_not_asked(tmp_path: Path) -> None:
    output, labels = classifier(12, 2, 0.0)
    assert run(tmp_path, output, labels, "top1")[0]["samples"] == 12

    noise = np.random.default_rng(0).normal(size=100)
    assert run(tmp_path, noise[:, None], noise[::-1].copy(), "mae")[0]["chance"] is None
    assert run(tmp_path, noise[:, None], None, "sqnr")[0]["value"] == 200


def test_metrics_that_do_not_suit_the_data_are_told_before_any_candidate(tmp_path: Path) -> None:
    output, _ = classifier(50, 3, 0.9)

    with pytest.raises(DataError) as caught:
        run(tmp_path, output, None, "top1", {"metric": "sqnr", "output": "q"})

    assert [problem.where for problem in caught.value.problems] == ["metric `top1`", "metric `sqnr`"]
