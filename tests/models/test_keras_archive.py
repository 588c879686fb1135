"""Two saves of one Keras model are one archive, and it is still that model."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

import numpy as np
import pytest

from edgebuild.models.tidy.keras_archive import CHUNK, canonical_keras
from tests.models.saves import KERAS, saved_twice


@pytest.mark.slow
def test_two_saves_of_a_model_are_equal_and_predict_as_before(tmp_path: Path) -> None:
    import keras

    one, two = saved_twice(KERAS, tmp_path, "model.keras")
    assert one.read_bytes() != two.read_bytes(), "nothing to repair: is this still what Keras does?"
    image = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    before = keras.models.load_model(one).predict(image, verbose=0)
    canonical_keras(one)
    canonical_keras(two)
    assert one.read_bytes() == two.read_bytes()
    after = keras.models.load_model(one)
    assert np.array_equal(after.predict(image, verbose=0), before)
    assert after.optimizer is not None


CONFIG = b"""{"module": "keras", "layers": [{"dtype": {"name": "float32", "shared_object_id": %d}},
  {"dtype": {"shared_object_id": %d}, "limit": Infinity},
  {"shared_object_id": %d, "dtype": {"shared_object_id": %d}}]}"""


def archive(path: Path, date: tuple[int, ...], names: tuple[str, ...]) -> Path:
    """What Keras writes, as far as a zip knows of it."""
    contents = {
        "metadata.json": b'{"keras_version": "3.15.1", "date_saved": "2026-01-02@%02d:00:00"}' % date[3],
        "config.json": CONFIG % (date[0] * 7, date[0] * 7, date[0] * 3, date[0] * 7),
        "model.weights.h5": np.random.default_rng(0).bytes(3 * CHUNK + 5),
        "assets/": b"",
        "assets/words.txt": "één\n".encode(),
    }
    with ZipFile(path, "w") as target:
        for name in names:
            target.writestr(name, contents[name])
            target.infolist()[-1].date_time = date
    return path


NAMES = ("metadata.json", "config.json", "model.weights.h5", "assets/", "assets/words.txt")


def test_dates_order_and_the_second_of_saving_do_not_matter(tmp_path: Path) -> None:
    one = archive(tmp_path / "one.keras", (2026, 1, 2, 3, 4, 6), NAMES)
    two = archive(tmp_path / "two.keras", (2020, 5, 6, 7, 8, 10), NAMES[::-1])
    canonical_keras(one)
    canonical_keras(two)
    assert one.read_bytes() == two.read_bytes()
    with ZipFile(one) as found:
        assert found.testzip() is None
        assert found.namelist() == sorted(NAMES)
        assert {info.date_time for info in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert found.read("metadata.json") == b'{"keras_version": "3.15.1"}'
        layers = json.loads(found.read("config.json"))["layers"]
        assert [layer["dtype"]["shared_object_id"] for layer in layers] == [1, 1, 1]
        assert layers[2]["shared_object_id"] == 2
        assert found.read("assets/words.txt").decode() == "één\n"


def test_a_canonical_archive_stays_as_it_is(tmp_path: Path) -> None:
    file = archive(tmp_path / "one.keras", (2026, 1, 2, 3, 4, 6), NAMES)
    canonical_keras(file)
    before = file.read_bytes()
    canonical_keras(file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["one.keras"]


def test_compressed_members_come_out_as_stored_ones(tmp_path: Path) -> None:
    plain = archive(tmp_path / "plain.keras", (2026, 1, 2, 3, 4, 6), NAMES)
    packed = tmp_path / "packed.keras"
    with ZipFile(plain) as source, ZipFile(packed, "w", ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    canonical_keras(plain)
    canonical_keras(packed)
    assert plain.read_bytes() == packed.read_bytes()


def test_what_is_no_archive_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    file.write_bytes(b"no archive")
    with pytest.raises(BadZipFile):
        canonical_keras(file)
    assert file.read_bytes() == b"no archive"
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
