"""Percentiles, ratios and their intervals from raw samples whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.measure.latency import SummarizeLatency, summarize
from edgebuild.measure.resample import Resampled
from tests.conftest import Bench, wire

SHAPE = (3, 20, 30)
MS = 1_000_000


def noisy(random: np.random.Generator, median_ms: float, drift: np.ndarray) -> np.ndarray:
    """Latencies around a median that drift with the machine, round by round."""
    return (median_ms * MS * drift[:, :, None] * (1 + random.exponential(0.02, SHAPE))).astype(np.int64)


def timing(folder: Path, models: dict[str, float], count: int, **changes: Any) -> Path:
    """A timing folder with models of known medians in ms."""
    random = np.random.default_rng(5)
    drift = random.uniform(1.0, 2.0, SHAPE[:2])
    run = folder / "0"
    run.mkdir(parents=True)
    samples = {name: noisy(random, median, drift) for name, median in models.items()}
    np.savez(run / "samples.npz", **samples)
    indices = [name for name in models if name != "control"]
    result = {
        "what": "time", "valid": True, "why": "", "anchor": 0, "refused": {}, "threads": 1,
        "processes": [
            {
                "load_ns": {name: (10 + int(name)) * MS * (1 + p) for name in indices},
                "first_ns": {name: 3 * MS * (1 + int(name)) for name in indices},
            }
            for p in range(SHAPE[0])
        ],
        "effort": {"rounds": 20, "runs": 30, "warmup_s": 0.3}, "conditions": {}, "versions": {"runtime": "1"},
    }  # fmt: skip
    (run / "result.json").write_text(json.dumps(result | changes))
    index = {
        "due": "",
        "anchor": "id-0",
        "models": [{"run": "0", "row": str(row)} for row in range(count)],
        "absent": {},
        "runs": [{"subjects": {f"id-{name}": name for name in indices}, "spread": 0.0}],
        "times": 1,
    }
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def test_a_ratio_is_free_of_the_drift_that_the_medians_carry(tmp_path: Path) -> None:
    found = summarize(timing(tmp_path / "t", {"0": 1.0, "1": 0.5, "control": 1.0}, 2))

    median, low, high = found["models"][1]["ratio"]["latency.p50"]
    # Rounds drift by up to 2 and runs by some percent; the fastest of 30 runs is within 1 % of the truth.
    assert low <= median <= high
    assert median == pytest.approx(0.5, rel=0.01)
    assert high - low < 0.01
    p50 = found["models"][1]["latency.p50"]
    assert p50["low"] < p50["value"] < p50["high"]
    assert p50["high"] / p50["low"] > 1.03
    assert found["models"][0]["ratio"]["latency.p50"] == [1.0, 1.0, 1.0]


def test_percentiles_are_those_of_the_pooled_samples(tmp_path: Path) -> None:
    folder = timing(tmp_path / "t", {"0": 1.0, "control": 1.0}, 1)
    row = summarize(folder)["models"][0]
    with np.load(folder / "0" / "samples.npz") as archive:
        pooled = archive["0"].reshape(-1) / MS

    for name, level in (("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)):
        assert row[f"latency.{name}"]["value"] == pytest.approx(np.percentile(pooled, level), rel=1e-5)
        assert row[f"latency.{name}"]["low"] <= row[f"latency.{name}"]["value"] <= row[f"latency.{name}"]["high"]
    assert row["latency.mean"]["value"] == pytest.approx(pooled.mean(), rel=1e-5)
    assert row["throughput"]["value"] == pytest.approx(1000 / pooled.mean(), rel=1e-5)
    assert row["samples"] == 3 * 20 * 30


def test_load_and_first_have_one_sample_for_each_process(tmp_path: Path) -> None:
    row = summarize(timing(tmp_path / "t", {"0": 1.0, "1": 1.0, "control": 1.0}, 2))["models"][1]

    assert row["latency.load"] == {"value": 22.0, "low": 11.0, "high": 33.0}
    assert row["latency.first"] == {"value": 6.0, "low": 6.0, "high": 6.0}
    assert row["ratio"]["latency.first"] == [2.0, 2.0, 2.0]


def test_the_dead_band_is_3_percent_and_at_least_the_spread_of_the_control(tmp_path: Path) -> None:
    quiet = summarize(timing(tmp_path / "quiet", {"0": 1.0, "control": 1.0}, 1))
    odd = summarize(timing(tmp_path / "odd", {"0": 1.0, "control": 1.06}, 1))

    assert quiet["dead_band"] == 0.03
    assert odd["dead_band"] == pytest.approx(0.06, abs=0.01)
    assert odd["control"][0] == pytest.approx(1.06, rel=0.01)


def test_a_refused_model_has_no_row_and_its_reason(tmp_path: Path) -> None:
    refused = {"1": {"kind": "rejected", "by": "ort", "why": "no kernel", "fix": ""}}

    found = summarize(timing(tmp_path / "t", {"0": 1.0, "2": 1.0, "control": 1.0}, 3, refused=refused))

    assert [row is None for row in found["models"]] == [False, True, False]
    assert found["refused"] == {"1": "ort: no kernel"}


def test_without_the_source_there_are_no_ratios(tmp_path: Path) -> None:
    found = summarize(timing(tmp_path / "t", {"1": 1.0, "control": 1.0}, 2, anchor=1))

    assert found["models"][0] is None
    assert found["models"][1]["ratio"] == {}
    assert len(found["control"]) == 3


def test_a_run_that_does_not_count_says_so(tmp_path: Path) -> None:
    found = summarize(timing(tmp_path / "t", {"0": 1.0, "control": 1.0}, 1, valid=False, why="shared processor"))

    assert (found["valid"], found["why"]) == (False, "shared processor")


def test_nothing_that_could_run_is_a_summary_too(tmp_path: Path) -> None:
    found = summarize(timing(tmp_path / "t", {}, 2, valid=False, why="no candidate could be run.", processes=[]))

    assert found["models"] == [None, None]
    assert (found["control"], found["dead_band"]) == ([], 0.03)


def test_the_step_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    folder = timing(tmp_path / "t", {"0": 1.0, "1": 0.8, "control": 1.0}, 2)
    written = []
    for name in ("a", "b"):
        bench = Bench(tmp_path / name, t=folder)
        written.append(bench.run(SummarizeLatency(timing=wire("t"))).read_bytes())

    assert written[0] == written[1]


def test_an_interval_knows_that_processes_differ(tmp_path: Path) -> None:
    """Rounds of one process agree to 0.1 %, processes differ by 3 %: the interval must span the processes."""
    random = np.random.default_rng(1)
    values = np.array([0.97, 1.0, 1.03])[:, None] + random.normal(0, 0.001, (3, 20))

    median, low, high = Resampled.of((3, 20)).median(values)

    assert low < 0.98
    assert median == pytest.approx(1.0, abs=0.002)
    assert high > 1.02


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Equal processes of independent rounds: 95 % intervals of the median miss it in about 1 of 20 cases."""
    random = np.random.default_rng(2)
    draws = Resampled.of((3, 20))
    hits = sum(low <= 0 <= high for _, low, high in (draws.median(random.normal(size=(3, 20))) for _ in range(200)))

    # 200 draws of 0.95: 3 standard deviations below is 181. Whole processes are drawn too, so it may cover more.
    assert hits >= 181
