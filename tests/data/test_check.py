"""Samples against the model and against each other: problems at once, harmless differences mended and said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.core.dossier import Tensor
from edgebuild.data.check import CheckData, Checked, check
from edgebuild.data.samples import SampleSet
from edgebuild.errors import DataError
from tests.conftest import Bench, wire

IMAGE = Tensor(name="image", shape=("batch", 4, 5, 3), dtype="float32")
PROBS = Tensor(name="probs", shape=("batch", 10), dtype="float32")


def make(
    array: np.ndarray | None = None, name: str = "image", labels: Any = None, first: int = 0, **more: Any
) -> SampleSet:
    values = np.random.default_rng(first).random((40, 4, 5, 3), np.float32) if array is None else array
    made = SampleSet(
        inputs={name: values},
        ids=tuple(f"s{first + row}" for row in range(len(values))),
        labels={"label": np.arange(len(values)) % 10 if labels is None else np.asarray(labels)},
        **more,
    )
    from edgebuild.data.samples import digests

    return replace(made, digests=digests(made.inputs, len(made)))


def run(
    splits: dict[str, SampleSet],
    model: Tensor = IMAGE,
    labels: int | None = None,
    outputs: tuple[Tensor, ...] = (PROBS,),
) -> Checked:
    return check(splits, (model,), outputs, labels, {})


def told(splits: dict[str, SampleSet], model: Tensor = IMAGE, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        run(splits, model, **more)
    return str(caught.value)


def test_samples_that_fit_pass_unchanged() -> None:
    samples = make()
    checked = run({"report": samples})

    np.testing.assert_array_equal(checked.splits["report"].inputs["image"], samples.inputs["image"])
    assert (checked.notes, checked.classes) == ([], 10)


@pytest.mark.parametrize("name", ["x", "inputs", "input"])
def test_a_single_unnamed_input_gets_the_models_name(name: str) -> None:
    assert list(run({"report": make(name=name)}).splits["report"].inputs) == ["image"]


def test_other_names_are_told_with_the_models() -> None:
    assert told({"report": make(name="imgae")}) == (
        "data.splits.report: input `image`: the samples have no such input; did you mean `imgae`? They have `imgae`.\n"
        "  fix: Name the arrays like the model's inputs: `image`.\n"
        "data.splits.report: input `imgae`: the model has no such input; did you mean `image`?\n"
        "  fix: Leave it out; the model's inputs are `image`."
    )


def test_the_spec_may_bind_an_input_to_another_key() -> None:
    checked = check({"report": make(name="pixels")}, (IMAGE,), (PROBS,), None, {"image": "pixels"})

    assert list(checked.splits["report"].inputs) == ["image"]


SHAPES = {
    "channels first": (
        (40, 3, 4, 5),
        "The model wants channels last (NHWC) and the samples have them first: yield `array.transpose(1, 2, 0)`.",
    ),
    "no channel": ((40, 4, 5), None),
    "flat": ((40, 60), "The number of values is right: yield `array.reshape(4, 5, 3)`."),
    "other size": (
        (40, 8, 8, 3),
        "Yield arrays of the model's shape (crop, pad or resize); each sample without a batch axis.",
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_wrong_shape_comes_with_the_way_out(name: str) -> None:
    shape, fix = SHAPES[name]
    text = told({"report": make(np.random.default_rng(0).random(shape, np.float32))})

    given = ", ".join(map(str, shape[1:]))
    first = (
        f"data.splits.report: input `image`: samples have shape ({given}), "
        "the model takes (4, 5, 3) after its batch axis."
    )
    assert text.startswith(first)
    assert fix is None or text == f"{first}\n  fix: {fix}"


@pytest.mark.parametrize(
    ("shape", "model", "fix"),
    [
        ((40, 4, 5, 3), (1, 3, 4, 5), "(NCHW) and the samples have them last: yield `array.transpose(2, 0, 1)`"),
        ((40, 4, 5), ("batch", 4, 5, 1), "yield `array[..., None]`"),
        ((40, 4, 5), ("batch", 1, 4, 5), "yield `array[None]`"),
    ],
)
def test_layouts_are_recognised(shape: tuple[int, ...], model: tuple[int | str, ...], fix: str) -> None:
    tensor = Tensor(name="image", shape=model, dtype="float32")

    assert fix in told({"report": make(np.random.default_rng(0).random(shape, np.float32))}, tensor)


def test_an_image_folder_is_turned_to_channels_first() -> None:
    tensor = Tensor(name="image", shape=("batch", 3, 4, 5), dtype="float32")
    samples = make(layout="HWC")
    checked = run({"report": samples}, tensor)

    np.testing.assert_array_equal(
        checked.splits["report"].inputs["image"], samples.inputs["image"].transpose(0, 3, 1, 2)
    )
    assert checked.notes == ["Input `image`: the images were turned to channels first."]


def test_a_batch_axis_of_one_is_taken_away() -> None:
    checked = run({"report": make(np.random.default_rng(0).random((40, 1, 4, 5, 3), np.float32))})

    assert checked.splits["report"].inputs["image"].shape == (40, 4, 5, 3)
    assert checked.notes == ["Input `image`: the samples' leading axis of 1 was taken for the batch axis."]


def test_a_dynamic_axis_takes_any_size_and_a_model_without_batch_axis_is_met() -> None:
    text = Tensor(name="image", shape=("batch", "time", 3), dtype="float32")
    assert run({"report": make(np.random.default_rng(0).random((40, 7, 3), np.float32))}, text).notes == []
    bare = Tensor(name="image", shape=(4, 3), dtype="float32")
    assert run({"report": make(np.random.default_rng(0).random((40, 4, 3), np.float32))}, bare).notes == []


def test_types_are_cast_where_no_value_changes_and_it_is_said() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 4, 5, 3), np.uint8)
    pixels[0, 0, 0] = (0, 255, 9)
    checked = run({"report": make(pixels)})
    assert checked.splits["report"].inputs["image"].dtype == np.float32
    assert checked.notes == [
        (
            "Input `image`: the samples' uint8 was cast to the model's float32; its values are 0..255: if the "
            "model was trained on 0..1, scale them in the loader or the interface."
        )
    ]
    double = np.random.default_rng(0).random((40, 4, 5, 3))
    assert run({"report": make(double)}).notes == [
        "Input `image`: the samples' float64 was cast to the model's float32."
    ]


def test_types_that_lose_values_are_told() -> None:
    whole = Tensor(name="image", shape=("batch", 4, 5, 3), dtype="int8")

    assert told({"report": make()}, whole) == (
        "data.splits.report: input `image`: samples are float32, the model takes int8, "
        "which cannot hold their values.\n"
        "  fix: Yield `int8` in the loader, with the model's own scaling."
    )
    assert "cannot hold" in told({"report": make(np.full((40, 4, 5, 3), 200, np.uint8))}, whole)
    half = Tensor(name="image", shape=("batch", 4, 5, 3), dtype="float16")
    assert "cannot hold" in told({"report": make(np.full((40, 4, 5, 3), 1e6, np.float32))}, half)


def test_nan_and_infinity_name_their_samples() -> None:
    array = np.random.default_rng(0).random((40, 4, 5, 3), np.float32)
    array[3, 0, 0, 0], array[7, 1, 1, 1] = np.nan, np.inf

    assert told({"report": make(array)}) == (
        "data.splits.report: input `image`: NaN or infinity in 2 samples: `s3`, `s7`.\n"
        "  fix: Drop these samples, or mend what reads them."
    )


def test_a_label_out_of_range_names_samples_range_and_fix() -> None:
    assert told({"report": make(labels=np.arange(40) % 10 + 1)}) == (
        "data.splits.report: label: 10 in 4 of 40 samples (`s9`, `s19`, `s29`, …) is outside 0..9, the range of the 10 "
        "values of the model's output.\n  fix: Classes count from 0: subtract 1 from every label."
    )
    text = told({"report": make(labels=[*range(38), -1, 5])}, labels=38)
    assert "-1 in 1 of 40 samples (`s38`) is outside 0..37, the range of the 38 class names in the interface." in text
    assert text.endswith("Classes count from 0; correct the labels.")


def test_labels_that_are_no_classes_are_left_alone() -> None:
    scalar = (Tensor(name="angle", shape=("batch", 1), dtype="float32"),)
    run({"report": make(labels=np.arange(40) * 100)}, outputs=scalar)
    run({"report": make(labels=np.linspace(0, 99, 40))})
    assert "is NaN or infinite in 1 of 40 samples (`s0`)" in told({"report": make(labels=[np.nan, *range(39)])})


def test_equal_content_in_two_splits_names_the_pairs() -> None:
    one, two = make(first=0), make(first=100)
    two.inputs["image"][5] = one.inputs["image"][2]
    two = make(two.inputs["image"], first=100)

    assert told({"select": one, "report": two}) == (
        "data.splits: 1 samples of `select` have the same content as samples of `report`: `s2` = `s105`.\n"
        "  fix: Drop the copies, or give a sample and its copies the same `group` and set `data.group`."
    )


def test_a_split_drawn_from_another_is_no_overlap() -> None:
    train = make()

    assert run({"train": train, "calibrate": train.take(range(30))}).classes == 10


def test_sizes_are_judged() -> None:
    assert told({"calibrate": make().take(range(5))}) == (
        "data.splits.calibrate: 5 samples are too few to calibrate with; at least 8 are needed.\n"
        "  fix: Give `calibrate` more samples; 100 to 500 are usual."
    )
    notes = run({"calibrate": make(), "report": make(first=100).take(range(12))}).notes
    assert notes == [
        "`calibrate` has 40 samples; 100 to 500 are usual, so ranges may be cut short.",
        "`report` has 12 samples; bounds of an accuracy will be wide.",
    ]
    assert told({"report": make().take([])}).startswith("data.splits.report: holds no sample.")


def test_everything_is_told_at_once_and_a_shape_once_for_all_splits() -> None:
    small = np.random.default_rng(0).random((40, 2, 2), np.float32)
    bad = {
        "calibrate": make(small).take(range(3)),
        "select": make(small, labels=[77] * 40),
        "report": make(small, first=50),
    }
    text = told(bad)

    assert text.count("samples have shape (2, 2)") == 1
    assert "77 in 40 of 40" in text and "too few to calibrate" in text
    assert "samples of `select` have the same content as samples of `report`" in text


def test_the_step_writes_the_splits_in_the_models_form(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 4, 5, 3), np.uint8)
    make(pixels, name="x").save(tmp_path / "splits" / "report")
    facts = {"inputs": [IMAGE.model_dump()], "outputs": [PROBS.model_dump()], "format": "onnx"}
    (tmp_path / "model.json").write_text(json.dumps(facts))
    bench = Bench(tmp_path / "bench", s=tmp_path / "splits", m=tmp_path / "model.json")

    folder = bench.run(CheckData(splits=wire("s"), model=wire("m")))

    report = SampleSet.load(folder / "report")
    np.testing.assert_array_equal(report.inputs["image"], pixels.astype(np.float32))
    answer = json.loads((folder / "check.json").read_text())
    assert (answer["splits"], answer["classes"], len(answer["notes"])) == ({"report": 40}, 10, 1)
