"""Sample sets on disk: the same back, the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.data.arrays import load_arrays, save_arrays
from edgebuild.data.samples import SampleSet, digests, stack


def make() -> SampleSet:
    return SampleSet(
        inputs={"file": np.arange(6, dtype=np.uint8).reshape(3, 2), "a/b": np.zeros((3, 2, 2), np.float32)},
        ids=("one", "zwei", "été"),
        labels={"steer": np.array([0.5, 1.5, 2.5]), "boxes": stack([[[1, 2]], [], [[3, 4], [5, 6]]])},
        groups=("g", "g", "h"),
        tags={"light": ("day", None, "night"), "n": (1, 2.5, True)},
        names=("cat", "dog"),
        layout="HWC",
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_set_comes_back_as_it_was(tmp_path: Path) -> None:
    make().save(tmp_path / "s")
    back = SampleSet.load(tmp_path / "s")

    assert (back.ids, back.groups, back.tags) == (make().ids, make().groups, make().tags)
    assert (back.names, back.layout, len(back)) == (("cat", "dog"), "HWC", 3)
    for name, array in make().inputs.items():
        np.testing.assert_array_equal(back.inputs[name], array)
        assert back.inputs[name].dtype == array.dtype
    assert list(back.labels["boxes"]) == [[[1, 2]], [], [[3, 4], [5, 6]]]
    np.testing.assert_array_equal(back.labels["steer"], [0.5, 1.5, 2.5])


def test_equal_sets_have_equal_bytes(tmp_path: Path) -> None:
    make().save(tmp_path / "one")
    make().save(tmp_path / "two")

    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_set_without_labels_has_no_file_of_them(tmp_path: Path) -> None:
    SampleSet({"x": np.zeros((2, 1))}, ("a", "b")).save(tmp_path / "s")

    assert sorted(files(tmp_path / "s")) == ["index.json", "inputs.npz"]
    assert SampleSet.load(tmp_path / "s").labels == {}


def test_labels_are_read_without_the_inputs(tmp_path: Path) -> None:
    make().save(tmp_path / "s")
    (tmp_path / "s" / "inputs.npz").unlink()

    assert SampleSet.load(tmp_path / "s", inputs=False).ids == make().ids


def test_taking_rows_takes_them_everywhere() -> None:
    some = make().take([2, 0])

    assert (some.ids, some.groups, some.tags["n"]) == (("été", "one"), ("h", "g"), (True, 1))
    np.testing.assert_array_equal(some.inputs["file"], [[4, 5], [0, 1]])
    assert list(some.labels["boxes"]) == [[[3, 4], [5, 6]], [[1, 2]]]


def test_a_digest_is_of_one_samples_names_types_shapes_and_bytes() -> None:
    base = np.arange(4, dtype=np.float32).reshape(2, 2)
    one = digests({"x": base}, 2)

    assert one[0] != one[1]
    assert digests({"x": base[::-1]}, 2) == one[::-1]
    assert not {*one} & {*digests({"y": base}, 2), *digests({"x": base.astype(np.float64)}, 2)}
    assert not {*one} & {*digests({"x": base.reshape(2, 2, 1)}, 2)}


@pytest.mark.parametrize(
    ("values", "dtype", "shape"),
    [
        ([1, 2], np.int64, (2,)),
        ([1, 2.5], np.float64, (2,)),
        (["a", "bc"], np.dtype("<U2"), (2,)),
        ([np.zeros(3), np.ones(3)], np.float64, (2, 3)),
        ([[1, 2], [3, 4]], np.int64, (2, 2)),
        ([np.zeros(3), np.ones(2)], object, (2,)),
        ([[1], [2, 3]], object, (2,)),
        ([1, "a"], object, (2,)),
        ([None, 1], object, (2,)),
        ([{"a": 1}, {"a": 2}], object, (2,)),
    ],
)
def test_labels_stack_where_they_can(values: list[object], dtype: object, shape: tuple[int, ...]) -> None:
    stacked = stack(values)

    assert (stacked.dtype, stacked.shape) == (dtype, shape)


def test_arrays_of_objects_are_never_written_or_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        save_arrays(tmp_path / "a.npz", {"x": np.array([None])})
    np.savez(tmp_path / "b.npz", x=np.array([None]))
    with pytest.raises(ValueError, match="allow_pickle"):
        load_arrays(tmp_path / "b.npz")


def test_a_scalar_stays_a_scalar(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a.npz", {"x": np.float32(3)})

    assert load_arrays(tmp_path / "a.npz")["x"].shape == ()
