"""Splits: their language, who gets which sample, what cannot be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from edgebuild.data.partition import partition
from edgebuild.data.samples import SampleSet
from edgebuild.data.splits import Split, SplitName, SplitSamples
from edgebuild.errors import DataError
from tests.conftest import Bench, wire


def split_of(**given: object) -> dict[SplitName, Split]:
    return {name: Split.model_validate(value) for name, value in given.items()}  # type: ignore[misc]


def of_spec() -> dict[SplitName, Split]:
    return split_of(train={}, calibrate={"from": "train", "count": 30}, select=100, report=300)


def make(count: int, classes: int = 5, groups: int = 0, seed: int = 0) -> SampleSet:
    rng = np.random.default_rng(seed)
    return SampleSet(
        inputs={"x": rng.normal(size=(count, 2))},
        ids=tuple(f"s{row}" for row in range(count)),
        labels={"label": rng.integers(0, classes, count)} if classes else {},
        groups=tuple(f"g{row % groups}" for row in range(count)) if groups else (),
        tags={"light": tuple("night" if row % 3 == 0 else "day" for row in range(count))},
    )


def test_a_split_is_a_number_a_share_or_a_mapping() -> None:
    assert Split.model_validate(1000) == Split(count=1000)
    assert Split.model_validate("20 %") == Split(share=0.2) == Split.model_validate({"share": "20%"})
    assert Split.model_validate({"from": "train", "count": 3}).source == "train"
    assert Split.model_validate({}) == Split()


@pytest.mark.parametrize("value", [0, -3, True, 1.5, "many", {"count": 1, "share": 0.5}, {"form": "train"}])
def test_what_is_no_split_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Split.model_validate(value)


def test_a_step_with_splits_survives_json() -> None:
    step = SplitSamples(samples=wire("s"), splits=of_spec())

    assert SplitSamples.model_validate_json(step.model_dump_json()) == step


def test_each_split_has_its_size_and_no_sample_is_in_two() -> None:
    parts = partition(make(600), of_spec(), seed=0, grouped=False)

    assert {name: len(rows) for name, rows in parts.items()} == {
        "train": 200, "calibrate": 30, "select": 100, "report": 300,
    }  # fmt: skip
    assert set(parts["calibrate"]) < set(parts["train"])
    assert not set(parts["train"]) & set(parts["select"]) and not set(parts["select"]) & set(parts["report"])
    assert len(set(parts["train"]) | set(parts["select"]) | set(parts["report"])) == 600


def test_classes_keep_their_proportion_to_one_sample() -> None:
    samples = make(1000, classes=4)
    share = Counter(samples.labels["label"].tolist())

    rows = partition(samples, split_of(report=100), 0, False)["report"]

    for name, count in Counter(samples.labels["label"][rows].tolist()).items():
        # Webster's method stays within one seat of the quota here.
        assert abs(count - share[name] / 10) <= 1


def test_a_rare_class_is_not_crowded_out_and_fractions_are_no_classes() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    rare = SampleSet({"x": np.zeros((100, 1))}, tuple(map(str, range(100))), {"label": labels})
    assert Counter(labels[partition(rare, split_of(report=20), 0, False)["report"]].tolist()) == {0: 18, 1: 2}

    angles = SampleSet({"x": np.zeros((100, 1))}, rare.ids, {"label": np.linspace(0, 1, 100)})
    assert len(partition(angles, split_of(report=20), 0, False)["report"]) == 20


@settings(deadline=None, max_examples=60)
@given(st.integers(60, 200), st.integers(1, 6), st.integers(0, 50))
def test_one_more_sample_moves_at_most_two_others(count: int, classes: int, seed: int) -> None:
    more = make(count + 1, classes, seed=seed)
    before = partition(more.take(range(count)), split_of(select=20, report=25), 0, False)
    after = partition(more, split_of(select=20, report=25), 0, False)

    for name, rows in before.items():
        moved = set(rows) ^ (set(after[name]) - {count})
        # `report` also feels what `select` gave up or took where the two meet.
        assert len(moved) <= (2 if name == "select" else 6)


def test_an_order_of_loading_decides_nothing() -> None:
    samples = make(200)
    turned = samples.take(range(199, -1, -1))

    before, after = (partition(item, of_small(), 0, False) for item in (samples, turned))

    assert {samples.ids[row] for row in before["report"]} == {turned.ids[row] for row in after["report"]}


def of_small() -> dict[SplitName, Split]:
    return split_of(calibrate=20, select=40, report=60)


def test_a_larger_report_leaves_the_other_splits_alone() -> None:
    samples = make(600)
    small, large = (
        partition(
            samples, split_of(train={}, calibrate={"from": "train", "count": 30}, select=100, report=size), 0, False
        )
        for size in (200, 300)
    )

    assert small["select"] == large["select"]
    assert small["calibrate"] == large["calibrate"]
    assert set(small["report"]) < set(large["report"])


SIZES = [(5000, 10, 300, 1000, (1000, 1500, 2500, 3500)), (280, 4, 40, 100, (100, 101, 110, 120)),
         (1000, 10, 100, 200, (300, 350, 500, 600))]  # fmt: skip


@pytest.mark.parametrize(("count", "classes", "calibrate", "select", "sizes"), SIZES)
@pytest.mark.parametrize("drawn", [False, True])
def test_another_size_of_one_split_moves_no_sample_of_another(
    count: int, classes: int, calibrate: int, select: int, sizes: tuple[int, ...], drawn: bool
) -> None:
    samples = make(count, classes)
    rest = {"train": {}, "calibrate": {"from": "train", "count": calibrate}} if drawn else {"calibrate": calibrate}
    found = [partition(samples, split_of(**rest, select=select, report=size), 0, False) for size in sizes]

    assert all(parts["calibrate"] == found[0]["calibrate"] for parts in found)
    assert all(parts["select"] == found[0]["select"] for parts in found)


def test_a_split_drawn_from_a_tagged_one_has_the_proportions_of_what_is_tagged() -> None:
    samples = make(600)
    night = np.array([light == "night" for light in samples.tags["light"]])
    common = np.where(night, samples.labels["label"] % 2, samples.labels["label"])
    tagged = replace(samples, labels={"label": common})
    splits = split_of(train={"where": {"light": "night"}}, calibrate={"from": "train", "count": 60}, select=40)
    found = Counter(common[partition(tagged, splits, 0, False)["calibrate"]].tolist())
    shares = Counter(common[night].tolist())

    assert all(abs(found[name] - 60 * shares[name] / night.sum()) <= 1 for name in shares)


def test_another_seed_is_another_split() -> None:
    one, two = (partition(make(200), of_small(), seed, False)["report"] for seed in (0, 1))

    assert one != two


@given(st.integers(3, 30), st.integers(0, 5))
@settings(deadline=None, max_examples=30)
def test_a_group_is_never_cut(groups: int, seed: int) -> None:
    samples = make(120, groups=groups, seed=seed)
    parts = partition(samples, split_of(train={}, select=30), 0, True)

    owner = {samples.groups[row]: name for name, rows in parts.items() for row in rows}
    assert all(owner[samples.groups[row]] == name for name, rows in parts.items() for row in rows)
    # The last group may go over the size asked for, by less than itself.
    assert 30 <= len(parts["select"]) < 30 + max(Counter(samples.groups).values())


def test_tags_bind_a_split_before_others_choose() -> None:
    samples = make(90)
    parts = partition(samples, split_of(select=20, report={"where": {"light": "night"}}), 0, False)

    assert parts["report"] == list(range(0, 90, 3))
    assert not set(parts["select"]) & set(parts["report"])


def test_a_share_counts_from_all_that_it_could_draw() -> None:
    parts = partition(
        make(100), split_of(select="25 %", report="50 %", calibrate={"from": "select", "share": 0.2}), 0, False
    )

    assert {name: len(rows) for name, rows in parts.items()} == {"calibrate": 5, "select": 25, "report": 50}


def test_too_few_samples_are_told_for_every_split_at_once() -> None:
    with pytest.raises(DataError) as caught:
        partition(make(100), split_of(train={}, select=80, report=60), 0, False)

    assert str(caught.value) == (
        "data.splits.report: asks for 60 samples, but only 20 are left of the 100 loaded.\n"
        "  fix: Ask for at most 20, ask for less in the other splits, or load more samples.\n"
        "data.splits.train: no sample is left for it; 100 were loaded.\n"
        "  fix: Ask for less in the other splits, or load more samples."
    )


@pytest.mark.parametrize(
    ("splits", "text"),
    [
        (
            {"calibrate": {"from": "train", "count": 5}, "select": 10},
            (
                "data.splits.calibrate.from: there is no other split `train` to draw from.\n"
                "  fix: Draw from one of: select."
            ),
        ),
        (
            {"select": 10, "report": {"from": "select"}},
            (
                "data.splits.report.from: `report` would share samples with `select`, and a number on samples it was "
                "made from says nothing about new ones.\n"
                "  fix: Only `calibrate` may be drawn from another split; remove `from` of `report`."
            ),
        ),
        (
            {"report": {"where": {"lihgt": "night"}}},
            (
                "data.splits.report.where.lihgt: no sample has a tag `lihgt`; did you mean `light`?\n"
                "  fix: Tags of the samples: light."
            ),
        ),
        (
            {"report": {"where": {"light": "dusk"}}},
            (
                "data.splits.report: no sample with light: dusk is left for it; 40 were loaded.\n"
                "  fix: Ask for less in the other splits, or load more samples."
            ),
        ),
    ],
)
def test_splits_that_cannot_be_say_why(splits: dict[str, object], text: str) -> None:
    with pytest.raises(DataError) as caught:
        partition(make(40), split_of(**splits), 0, False)

    assert str(caught.value) == text


def test_groups_that_no_sample_names_are_a_problem() -> None:
    with pytest.raises(DataError) as caught:
        partition(make(40), split_of(report=10), 0, True)

    assert str(caught.value) == (
        'data.group: the samples name no groups.\n  fix: Yield `"group": …` with each sample, or remove `group`.'
    )


def test_the_step_writes_a_sample_folder_for_each_split(tmp_path: Path) -> None:
    samples = make(60, groups=12)
    samples.save(tmp_path / "samples")
    bench = Bench(tmp_path / "bench", s=tmp_path / "samples")

    folder = bench.run(SplitSamples(samples=wire("s"), splits=split_of(select=20, report=20), grouped=True))

    assert sorted(path.name for path in folder.iterdir()) == ["report", "select"]
    report = SampleSet.load(folder / "report")
    rows = [samples.ids.index(name) for name in report.ids]
    np.testing.assert_array_equal(report.inputs["x"], samples.inputs["x"][rows])
    assert report.groups == tuple(samples.groups[row] for row in rows)
    assert report.tags["light"] == tuple(samples.tags["light"][row] for row in rows)
