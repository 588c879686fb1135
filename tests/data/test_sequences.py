"""Samples that are sequences: other lengths, and the form in which a model takes one step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.core.dossier import Tensor
from edgebuild.data.contract import gather
from edgebuild.data.fit import fit
from edgebuild.data.samples import SampleSet
from edgebuild.errors import DataError

ROW = Tensor(name="row", shape=("batch", 3), dtype="float32")


def sample(steps: int, seed: int = 0, **more: np.ndarray) -> dict[str, Any]:
    row = np.random.default_rng(seed).normal(size=(steps, 3)).astype(np.float32)
    return {"inputs": {"row": row, **more}}


def loaded(*lengths: int) -> SampleSet:
    return gather([sample(steps, seed) for seed, steps in enumerate(lengths)], "data.py:samples", steps={"row": 0})


def test_lengths_may_differ_along_the_axis_of_the_steps(tmp_path: Path) -> None:
    samples = loaded(4, 2, 3)

    assert samples.lengths == (4, 2, 3)
    assert samples.inputs["row"].shape == (3, 4, 3)
    assert not samples.inputs["row"][1, 2:].any()
    samples.save(tmp_path / "set")
    again = SampleSet.load(tmp_path / "set")
    assert again.lengths == (4, 2, 3) and list(again.inputs) == ["row"]
    assert again.take([2, 0]).lengths == (3, 4)


def test_equal_lengths_are_no_news() -> None:
    assert loaded(4, 4).lengths == ()


def test_a_longer_sample_changes_no_other() -> None:
    assert loaded(4, 2).ids == loaded(4, 2, 9).ids[:2]


@pytest.mark.parametrize("steps", [{}, {"other": 0, "row": 1}])
def test_other_shapes_are_still_wrong(steps: dict[str, int]) -> None:
    with pytest.raises(DataError, match="has shape"):
        gather([sample(4), sample(2, 1)], "data.py:samples", steps=steps)


def test_all_inputs_of_a_sample_have_the_same_steps() -> None:
    given = [sample(4, 0, extra=np.zeros((3, 1), np.float32))]
    with pytest.raises(DataError, match="its sequences have 3 and 4 steps"):
        gather(given, "data.py:samples", steps={"row": 0, "extra": 0})


def test_the_steps_come_to_axis_1_and_padding_goes() -> None:
    samples = loaded(4, 2, 6).take([0, 1])
    fitted, problems, _ = fit(samples, (ROW,), {}, {"row": 0})

    assert not problems and fitted is not None
    assert fitted["row"].shape == (2, 4, 3)


@pytest.mark.parametrize(
    ("shape", "axis", "model", "wanted"),
    [
        ((5, 3), 0, ("batch", 3), (2, 5, 3)),
        ((3, 5), 1, ("batch", 3), (2, 5, 3)),
        ((5, 3), 0, ("batch", 1, 3), (2, 5, 1, 3)),
        ((3, 5), 1, ("batch", 3, 1), (2, 5, 3, 1)),
        ((5, 1, 3), 0, (1, 3), (2, 5, 3)),
        ((5,), 0, (1, 1), (2, 5, 1)),
    ],
)
def test_one_step_gets_the_form_that_a_run_takes(
    shape: tuple[int, ...], axis: int, model: tuple[int | str, ...], wanted: tuple[int, ...]
) -> None:
    values = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    samples = SampleSet(inputs={"row": values}, ids=("a", "b"))
    fitted, problems, _ = fit(samples, (ROW.model_copy(update={"shape": model}),), {}, {"row": axis})

    assert not problems and fitted is not None
    assert fitted["row"].shape == wanted
    np.testing.assert_array_equal(fitted["row"].reshape(2, 5, -1), np.moveaxis(values, axis + 1, 1).reshape(2, 5, -1))


@pytest.mark.parametrize(
    ("axis", "said"),
    [(2, "`steps: 2` names none of their axes"), (1, "one step of samples have shape (5), the model takes (3)")],
)
def test_an_axis_that_does_not_suit_says_so(axis: int, said: str) -> None:
    samples = SampleSet(inputs={"row": np.zeros((2, 5, 3), np.float32)}, ids=("a", "b"))
    fitted, problems, _ = fit(samples, (ROW,), {}, {"row": axis})

    assert fitted is None
    assert said in problems[0].what
