"""Scores of candidates: aligned, paired with the source, honest where nothing changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from edgebuild.core.evidence import Interval
from edgebuild.core.wires import Refusal, UserCode
from edgebuild.data.arrays import save_arrays
from edgebuild.data.samples import SampleSet
from edgebuild.data.usercode import resolve
from edgebuild.errors import DataError, UserCodeError
from edgebuild.measure.score import Score
from edgebuild.metrics import intervals
from tests.conftest import Bench, wire

COUNT = 200
LABELS = np.arange(COUNT) % 4


class Yard:
    """A split, the source's predictions, and candidates by name."""

    def __init__(self, folder: Path, reference: dict[str, np.ndarray], **split: Any) -> None:
        self.folder = folder
        self.inputs: dict[str, Path | Refusal] = {"samples": folder / "samples", "reference": folder / "reference"}
        given = {"labels": {"label": LABELS}, "names": ("ant", "bee", "cat", "dog")} | split
        count = len(next(iter(reference.values())))
        SampleSet({"x": np.arange(count)[:, None]}, tuple(map(str, range(count))), **given).save(folder / "samples")
        self.predict("reference", reference)

    def predict(self, name: str, outputs: dict[str, np.ndarray]) -> None:
        (self.folder / name).mkdir()
        save_arrays(self.folder / name / "outputs.npz", outputs)
        self.inputs[name] = self.folder / name

    def score(self, *metrics: Any, candidates: tuple[str, ...] = ("candidate",), **more: Any) -> list[Any]:
        step = Score(
            candidates=tuple(wire(name).attempt() for name in candidates),
            reference=wire("reference"), samples=wire("samples"), metrics=metrics, **more,
        )  # fmt: skip
        rows: list[Any] = json.loads(Bench(self.folder / "bench", **self.inputs).run(step).read_text())
        return rows


def right(labels: np.ndarray, wrong: Any = ()) -> np.ndarray:
    """Scores whose highest is the label's, but for these rows, where it is the next class's."""
    found = labels.copy()
    found[list(wrong)] = (found[list(wrong)] + 1) % 4
    return np.eye(4, dtype=np.float32)[found]


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    yard = Yard(tmp_path, {"probs": right(LABELS, range(10))})
    # Of the source's ten mistakes two are mended, and six are new, five of them in class 3.
    yard.predict("candidate", {"probs": right(LABELS, [*range(2, 10), 12, 103, 107, 111, 115, 119])})
    return yard


def test_a_share_has_a_score_interval_and_a_paired_drop(yard: Yard) -> None:
    (row,) = yard.score("top1")
    (top1,) = row["metrics"]

    assert (top1["value"], top1["unit"], top1["better"], top1["samples"], top1["why"]) == (93, "%", "higher", 200, "")
    assert top1["interval"] == intervals.proportion(186, 200).model_dump()
    assert top1["drop"] == {
        "value": 2.0,
        "unit": "pp",
        "interval": intervals.paired_drop(6, 2, 200).model_dump(),
        "upper": intervals.paired_upper(6, 2, 200).model_dump(),
    }


def test_the_worst_class_is_named_and_its_bound_holds_for_all(yard: Yard) -> None:
    worst = yard.score("top1")[0]["metrics"][0]["worst_class_drop"]

    assert (worst["value"], worst["unit"], worst["class"], worst["samples"]) == (10.0, "pp", 3, 50)
    assert worst["why"] == "Class 3 (`dog`), 50 samples."
    assert worst["upper"]["high"] == intervals.paired_upper(5, 0, 50, level=1 - 0.05 / 4).high
    assert worst["upper"]["method"].endswith("4 classes at once (Bonferroni)")


def test_nothing_changed_among_forty_is_seven_and_a_half_points(tmp_path: Path) -> None:
    labels = np.arange(40) % 4
    yard = Yard(tmp_path, {"p": right(labels)}, labels={"label": labels})
    yard.predict("candidate", {"p": right(labels)})

    top1, f1 = yard.score("top1", "f1")[0]["metrics"]

    for found in (top1, f1):
        assert found["drop"]["value"] == 0
        assert found["drop"]["upper"]["high"] == pytest.approx(7.489, abs=1e-3)
        assert found["drop"]["interval"]["low"] < 0 < found["drop"]["interval"]["high"]


def test_rows_are_aligned_with_candidates_and_a_refused_one_is_null(yard: Yard) -> None:
    yard.inputs["gone"] = Refusal(kind="rejected", by="tool", why="no such op")

    rows = yard.score("top1", "sqnr", candidates=("gone", "candidate", "reference"))

    assert rows[0] is None
    assert [len(row["metrics"]) for row in rows[1:]] == [2, 2]
    assert rows[2]["parity"] == {"max_error": 0.0, "sqnr": 200.0, "agreement": 100.0, "samples": 200, "output": "probs"}


def test_other_metrics_are_drawn_in_pairs(yard: Yard) -> None:
    f1, auroc = yard.score("f1", "auroc")[0]["metrics"]
    found = right(LABELS, [*range(2, 10), 12, 103, 107, 111, 115, 119]).argmax(axis=1)
    source = right(LABELS, range(10)).argmax(axis=1)
    want = 100 * (f1_score(LABELS, source, average="macro") - f1_score(LABELS, found, average="macro"))

    assert f1["drop"]["value"] == pytest.approx(want)
    assert f1["drop"]["upper"]["method"] == "paired bootstrap over samples, 2000 draws"
    assert f1["drop"]["value"] < f1["drop"]["upper"]["high"] < f1["drop"]["interval"]["high"] < f1["drop"]["value"] + 5
    # Pairing takes the samples' own spread out: the drop is known better than the value.
    width = f1["interval"]["high"] - f1["interval"]["low"]
    assert f1["drop"]["interval"]["high"] - f1["drop"]["interval"]["low"] < width
    assert (auroc["drop"]["unit"], auroc["worst_class_drop"]) == ("1", None)


def test_what_compares_with_the_source_has_no_drop(yard: Yard) -> None:
    for found in yard.score("agreement", "sqnr", "cosine", "max_error")[0]["metrics"]:
        assert found["drop"] is None and found["worst_class_drop"] is None
        assert (found["interval"] is None) == (found["unit"] == "1" and found["better"] == "lower")


def test_every_interval_is_a_record(yard: Yard) -> None:
    for found in yard.score("top1", "f1", "sqnr", {"metric": "topk", "k": 2})[0]["metrics"]:
        for value in (found["interval"], *((found["drop"] or {}).get(key) for key in ("interval", "upper"))):
            assert value is None or Interval.model_validate(value)


def test_a_slice_counts_its_own_samples(tmp_path: Path) -> None:
    tags = {"light": tuple("night" if row < 50 else "day" for row in range(COUNT))}
    yard = Yard(tmp_path, {"p": right(LABELS)}, tags=tags)
    yard.predict("candidate", {"p": right(LABELS, range(5))})

    night, day = yard.score(*({"metric": "top1", "where": {"light": light}} for light in ("night", "day")))[0][
        "metrics"
    ]

    assert (night["value"], night["samples"], night["drop"]["value"]) == (90, 50, 10)
    assert (day["value"], day["samples"], day["drop"]["value"]) == (100, 150, 0)


def test_groups_are_drawn_instead_of_samples(tmp_path: Path) -> None:
    yard = Yard(tmp_path, {"p": right(LABELS)}, groups=tuple(f"g{row // 20}" for row in range(COUNT)))
    yard.predict("candidate", {"p": right(LABELS, range(20))})
    yard.predict("same", {"p": right(LABELS)})

    some, none = (row["metrics"][0] for row in yard.score("top1", candidates=("candidate", "same")))

    assert some["drop"]["upper"]["method"] == "paired bootstrap over groups, 2000 draws"
    # One group of ten is lost whole: the bound lies far above that of 20 independent samples of 200.
    assert some["drop"]["upper"]["high"] >= 20 > intervals.paired_upper(20, 0, 200).high
    # -ln(0.05) / 10 groups
    assert none["drop"]["upper"]["high"] == pytest.approx(29.96, abs=0.01)
    assert some["worst_class_drop"]["upper"] is None


def test_a_mapping_label_and_a_lower_is_better_metric(tmp_path: Path) -> None:
    angle = np.linspace(-1, 1, COUNT)
    labels = {"steering": angle, "gear": LABELS}
    yard = Yard(tmp_path, {"angle": angle[:, None] + 0.1, "gear": right(LABELS)}, labels=labels)
    yard.predict("candidate", {"angle": angle[:, None] + 0.3, "gear": right(LABELS)})

    steer, gear = yard.score(
        {"metric": "mae", "output": "angle", "label": "steering", "unit": "deg"},
        {"metric": "top1", "output": "gear", "label": "gear"},
    )[0]["metrics"]

    assert (steer["unit"], steer["drop"]["unit"], steer["better"]) == ("deg", "deg", "lower")
    assert steer["drop"]["value"] == pytest.approx(0.2)
    assert gear["drop"]["value"] == 0


def test_several_outputs_are_told_one_by_one_and_the_worst_judged(tmp_path: Path) -> None:
    reference = {"a": np.ones((COUNT, 3)), "b": np.ones((COUNT, 2, 3))}
    yard = Yard(tmp_path, reference, labels={})
    yard.predict("candidate", {"a": reference["a"] * 1.1, "b": reference["b"] * 1.01})

    row = yard.score("sqnr", {"metric": "sqnr", "output": "b"})[0]
    worst, named = row["metrics"]

    # Noise of one tenth: 20 dB; of one hundredth: 40 dB.
    assert worst["outputs"] == {"a": pytest.approx(20), "b": pytest.approx(40)}
    assert (worst["value"], named["value"]) == (pytest.approx(20), pytest.approx(40))
    assert "outputs" not in named
    assert (row["parity"]["output"], row["parity"]["max_error"]) == ("a", pytest.approx(0.1))


def own(folder: Path, text: str) -> UserCode:
    (folder / "metrics.py").write_text(text)
    return resolve(folder, "metrics.py:near")


def test_a_users_function_is_scored_with_its_draws(yard: Yard, tmp_path: Path) -> None:
    code = own(tmp_path, "def near(outputs, labels):\n    return 100 * (outputs['probs'].argmax(1) == labels).mean()\n")
    metric = {"function": "metrics.py:near", "unit": "%", "draws": 100}

    (found,) = yard.score(metric, functions=(code,))[0]["metrics"]

    assert (found["value"], found["drop"]["value"], found["drop"]["unit"]) == (93, pytest.approx(2), "pp")
    assert found["drop"]["upper"]["method"] == "paired bootstrap over samples, 100 draws"
    (bare,) = yard.score(metric | {"draws": 0}, functions=(code,))[0]["metrics"]
    assert (bare["interval"], bare["drop"]["upper"]) == (None, None)


def test_what_a_users_function_raises_names_its_line(yard: Yard, tmp_path: Path) -> None:
    code = own(tmp_path, "def near(outputs, labels):\n    return outputs['scores'].mean()\n")

    with pytest.raises(UserCodeError, match=r"metrics\.py:2:12: `near`: KeyError: 'scores'"):
        yard.score({"function": "metrics.py:near"}, functions=(code,))


def test_metrics_that_do_not_suit_the_source_are_told_at_once(yard: Yard) -> None:
    with pytest.raises(DataError) as caught:
        yard.score({"metric": "top1", "output": "prob"}, "top1", {"metric": "top1", "where": {"light": "day"}})

    assert [problem.what for problem in caught.value.problems] == [
        "the model has no output `prob`; did you mean `probs`?",
        "no sample has a tag `light`.",
    ]


def test_a_candidate_without_a_number_says_why(yard: Yard) -> None:
    broken = right(LABELS)
    broken[3] = np.nan
    yard.predict("nan", {"probs": broken})
    yard.predict("other", {"probs": np.zeros((COUNT, 7), np.float32)})

    nan, other = yard.score("auroc", "sqnr", "max_error", candidates=("nan", "other"))

    assert nan["metrics"][0]["value"] is None and "NaN" in nan["metrics"][0]["why"]
    assert nan["metrics"][2]["why"] == "The outputs hold NaN or infinity, so there is no number."
    assert nan["parity"]["max_error"] is None
    assert other["metrics"][1]["why"].startswith("output `probs` has shape (200, 7)")
    assert other["parity"] == {"max_error": None, "sqnr": None, "agreement": None, "samples": 0, "output": ""}


def test_equal_records_give_equal_bytes_and_the_seed_counts(yard: Yard) -> None:
    one, two, other = (json.dumps(yard.score("f1", seed=seed)) for seed in (0, 0, 1))

    assert one == two != other


def test_what_other_kernels_of_the_source_say_is_its_own_spread(yard: Yard) -> None:
    yard.predict("plain", {"probs": right(LABELS, range(10)) + np.float32(0.25)})
    (row,) = yard.score("top1", spread=wire("plain").attempt())
    assert row["parity"]["spread"] == pytest.approx(0.25)
    (alone,) = yard.score("top1")
    assert "spread" not in alone["parity"]
