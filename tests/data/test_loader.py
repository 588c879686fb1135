"""The three loaders: a function, an archive, a folder of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgebuild.data.loader import LoadArchive, LoadFunction, LoadImages
from edgebuild.data.samples import SampleSet
from edgebuild.data.usercode import resolve
from edgebuild.errors import DataError, UserCodeError
from tests.conftest import Bench, wire


def load_function(tmp_path: Path, text: str) -> SampleSet:
    (tmp_path / "data.py").write_text(text)
    code = resolve(tmp_path, "data.py:samples")
    return SampleSet.load(Bench(tmp_path / "bench").run(LoadFunction(code=code)))


def test_a_function_that_yields_or_returns_is_a_loader(tmp_path: Path) -> None:
    yields = "def samples():\n  for i in range(3):\n    yield {'inputs': {'x': (i * 1.0, i * 1.0)}, 'label': i}\n"
    returns = "def samples():\n  return [{'inputs': {'x': [i * 1.0] * 2}, 'label': i} for i in range(3)]\n"

    one, two = load_function(tmp_path, yields), load_function(tmp_path, returns)

    np.testing.assert_array_equal(one.inputs["x"], two.inputs["x"])
    assert one.ids == two.ids and one.labels["label"].tolist() == [0, 1, 2]


def test_relative_paths_of_a_loader_start_in_the_specs_folder(tmp_path: Path) -> None:
    (tmp_path / "mean.txt").write_text("2.5")
    text = "def samples():\n  yield {'inputs': {'x': [float(open('mean.txt').read())]}}\n"

    assert load_function(tmp_path, text).inputs["x"].tolist() == [[2.5]]


def test_what_a_loader_raises_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(UserCodeError) as caught:
        load_function(tmp_path, "def samples():\n    yield {'inputs': {'x': [1.0]}}\n    x = [][3]\n")

    assert str(caught.value) == (
        "data.py:3:9: `samples`: IndexError: list index out of range\n"
        "   3 |     x = [][3]\n"
        "     |         ^^^^^\n"
        "  fix: Mend the line; the function runs in the spec's folder."
    )


def test_a_function_that_gives_no_samples_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserCodeError) as caught:
        load_function(tmp_path, "def samples():\n    return 7\n")

    assert str(caught.value) == (
        "data.py:samples: returned int, not samples.\n"
        "  fix: Yield one mapping for each sample, or return a list of them."
    )


def load_archive(tmp_path: Path, **arrays: np.ndarray) -> SampleSet:
    np.savez(tmp_path / "data.npz", **arrays)  # type: ignore[arg-type]
    bench = Bench(tmp_path / "bench", a=tmp_path / "data.npz")
    return SampleSet.load(bench.run(LoadArchive(archive=wire("a"))))


def test_an_archive_holds_inputs_labels_ids_groups_and_tags(tmp_path: Path) -> None:
    x = np.arange(12, dtype=np.uint8).reshape(3, 4)
    arrays = {"tag.light": np.array(["day", "night", "day"]), "tag.n": np.arange(3)}
    found = load_archive(tmp_path, x=x, y=np.array([2, 0, 1]), id=np.arange(3), group=np.array(list("aab")), **arrays)

    np.testing.assert_array_equal(found.inputs["x"], x)
    assert found.labels["label"].tolist() == [2, 0, 1]
    assert (found.ids, found.groups) == (("0", "1", "2"), ("a", "a", "b"))
    assert found.tags == {"light": ("day", "night", "day"), "n": (0, 1, 2)}


def test_an_archive_may_have_several_inputs_and_a_mapping_label(tmp_path: Path) -> None:
    arrays = {"label.steer": np.zeros(2), "label.brake": np.ones(2)}
    found = load_archive(tmp_path, left=np.zeros((2, 3)), right=np.ones((2, 3)), **arrays)

    assert (sorted(found.inputs), sorted(found.labels)) == (["left", "right"], ["brake", "steer"])


def test_twins_in_an_archive_get_ids_of_their_own(tmp_path: Path) -> None:
    found = load_archive(tmp_path, x=np.array([[1.0], [1.0], [2.0]]))

    assert len(set(found.ids)) == 3
    assert found.ids[1] == f"{found.ids[0]}-1"


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        (
            {"label": np.arange(3)},
            "data.source: holds no input: `label`.\n  fix: Add an array for each input of the model, or `x` for one.",
        ),
        (
            {"x": np.zeros((3, 2)), "label": np.zeros(2)},
            (
                "data.source: its arrays differ in the number of samples: `x` 3, `label` 2.\n"
                "  fix: Axis 0 of every array is the sample; give all the same number."
            ),
        ),
        (
            {"x": np.float32(1)},
            "data.source: array `x` has no axis for the samples.\n  fix: Stack samples on axis 0.",
        ),
        (
            {"x": np.zeros((2, 1)), "speaker": np.array(["a", "b"])},
            (
                "data.source: array `speaker` is <U1, no array of numbers.\n"
                "  fix: Name what is no input `label`, `id`, `group` or `tag.NAME`."
            ),
        ),
        (
            {"x": np.zeros((0, 2))},
            "data.source: holds no sample at all.\n  fix: Fill it, or name another file.",
        ),
        (
            {"x": np.zeros((3, 2)), "id": np.array(["a", "b", "a"])},
            "data.source: 1 ids occur more than once: a.\n  fix: Give every sample an id of its own.",
        ),
    ],
)
def test_an_archive_that_contradicts_itself_says_where(
    tmp_path: Path, arrays: dict[str, np.ndarray], text: str
) -> None:
    with pytest.raises(DataError) as caught:
        load_archive(tmp_path, **arrays)

    assert str(caught.value) == text


def test_a_file_that_is_no_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(DataError, match=r"data\.source: cannot be read as an npz archive: .*\n  fix: Write it with"):
        Bench(tmp_path / "bench", a=tmp_path / "data.npz").run(LoadArchive(archive=wire("a")))

    with pytest.raises(DataError, match="arrays of Python objects cannot be read"):
        load_archive(tmp_path, x=np.array([None]))


def draw(folder: Path, name: str, color: tuple[int, int, int], size: tuple[int, int] = (4, 2)) -> None:
    path = folder / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)


def load_images(folder: Path, **options: object) -> SampleSet:
    bench = Bench(folder / "bench", i=folder / "images")
    return SampleSet.load(bench.run(LoadImages(folder=wire("i"), **options)))  # type: ignore[arg-type]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    draw(tmp_path, "dog/a.png", (200, 0, 0))
    draw(tmp_path, "cat/b.png", (0, 100, 0))
    draw(tmp_path, "cat/c.png", (0, 0, 50))
    (tmp_path / "images" / "cat" / ".DS_Store").write_text("x")
    (tmp_path / "images" / "readme.txt").write_text("x")
    return tmp_path


def test_folders_are_classes_in_the_order_of_their_names(images: Path) -> None:
    found = load_images(images)

    assert (found.names, found.labels["label"].tolist()) == (("cat", "dog"), [0, 0, 1])
    assert found.ids == ("cat/b.png", "cat/c.png", "dog/a.png")
    assert (found.inputs["inputs"].shape, found.inputs["inputs"].dtype) == ((3, 2, 4, 3), np.uint8)
    assert found.inputs["inputs"][2, 0, 0].tolist() == [200, 0, 0]


def test_a_labels_file_may_order_the_classes(images: Path) -> None:
    found = load_images(images, labels=("dog", "cat", "cow"))

    assert (found.names, found.labels["label"].tolist()) == (("dog", "cat", "cow"), [1, 1, 0])


def test_images_are_sized_turned_to_gray_and_scaled(images: Path) -> None:
    scaled = load_images(images, input="image", size=(3, 5), scale="1/127.5", mean=(1, 1, 1)).inputs["image"]
    assert (scaled.shape, scaled.dtype) == ((3, 3, 5, 3), np.float32)
    # 200 / 127.5 - 1 and 0 - 1, in float32.
    np.testing.assert_allclose(scaled[2, 0, 0], [200 / 127.5 - 1, -1, -1], atol=1e-6)

    assert load_images(images, color="bgr").inputs["inputs"][2, 0, 0].tolist() == [0, 0, 200]
    gray = load_images(images, color="gray").inputs["inputs"]
    # ITU-R 601: 0.299 of red.
    assert gray.shape == (3, 2, 4, 1) and gray[2, 0, 0, 0] == round(0.299 * 200)


def test_everything_wrong_with_a_folder_is_told_at_once(images: Path) -> None:
    draw(images, "loose.png", (1, 1, 1))
    (images / "images" / "dog" / "broken.png").write_bytes(b"\x89PNG not really")

    with pytest.raises(DataError) as caught:
        load_images(images, labels=("cat", "dgo"))

    texts = [problem.render() for problem in caught.value.problems]
    assert texts[0] == (
        "data.source: 1 images lie in no class's folder: loose.png.\n"
        "  fix: Put each image into a folder named like its class."
    )
    assert texts[1] == (
        "data.source: folder `dog` is none of the 2 labels; did you mean `dgo`?\n"
        "  fix: Name each folder like a line of the labels file."
    )
    assert texts[2].startswith("data.source: dog/broken.png: cannot be read as an image: ")
    assert texts[2].endswith("  fix: Replace or remove it.")


def test_images_of_several_sizes_ask_for_one(images: Path) -> None:
    draw(images, "dog/large.png", (1, 1, 1), size=(8, 8))

    with pytest.raises(DataError) as caught:
        load_images(images)

    assert str(caught.value) == (
        "data.source: the images differ in size: 2×4 (3, e.g. dog/a.png), 8×8 (1, e.g. dog/large.png).\n"
        "  fix: Give `size: [height, width]` of the image under `interface.inputs`."
    )


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()

    with pytest.raises(DataError, match=r"data\.source: holds no image\.\n  fix: Known suffixes: \.bmp, "):
        load_images(tmp_path)
