"""The inputs of runs stay while their split grows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebuild.data.partition import partition
from edgebuild.data.samples import SampleSet
from edgebuild.data.splits import Split
from edgebuild.measure.inputs import PickInputs
from tests.conftest import Bench, wire

RANDOM = np.random.default_rng(3)
EVERY = SampleSet(
    inputs={"x": RANDOM.normal(size=(400, 4)).astype(np.float32)},
    ids=tuple(f"s{number}" for number in range(400)),
    labels={"label": RANDOM.integers(0, 5, 400)},
    groups=tuple(f"g{number // 3}" for number in range(400)),
)


def picked(folder: Path, size: int, grouped: bool = False, count: int = 16) -> bytes:
    rows = partition(EVERY, {"select": Split(count=size), "report": Split(count=50)}, 7, grouped)["select"]
    split = folder / f"split-{size}"
    EVERY.take(rows).save(split)
    bench = Bench(folder / f"bench-{size}", samples=split)
    step = PickInputs(samples=wire("samples"), seed=7, grouped=grouped, count=count)
    return (bench.run(step) / "inputs.npz").read_bytes()


def test_a_split_that_grows_gives_the_same_bytes(tmp_path: Path) -> None:
    first = picked(tmp_path, 100)
    assert all(picked(tmp_path, size) == first for size in (101, 110, 150, 300))


def test_so_does_one_of_whole_groups(tmp_path: Path) -> None:
    assert picked(tmp_path, 100, grouped=True) == picked(tmp_path, 130, grouped=True)


def test_there_are_as_many_as_asked_or_all(tmp_path: Path) -> None:
    picked(tmp_path, 100)
    with np.load(tmp_path / "bench-100" / "inputs" / "inputs.npz") as archive:
        assert archive["x"].shape == (16, 4)
    picked(tmp_path, 9)
    with np.load(tmp_path / "bench-9" / "inputs" / "inputs.npz") as archive:
        assert archive["x"].shape == (9, 4)
