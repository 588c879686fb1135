"""Real models, really timed; what makes a run invalid, by sessions that behave so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.core.dossier import Call
from edgebuild.core.step import Observed
from edgebuild.core.wires import Refusal
from edgebuild.measure.latency import summarize
from edgebuild.measure.time import TimeCandidates, Timed
from tests.conftest import Bench, wire
from tests.measure.models import ORT, dense, session, split

REFUSED = Refusal(kind="rejected", by="quantizer", why="no node to quantize")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "bad.onnx").write_bytes(b"bad")
    (folder / "facts.json").write_text("{}")
    return {
        "small": dense(folder / "small.onnx"),
        "large": dense(folder / "large.onnx", width=256, depth=12),
        "bad": folder / "bad.onnx",
        "samples": split(folder / "samples"),
        "facts": folder / "facts.json",
    }


def run(folder: Path, files: dict[str, Any], *names: str, call: Call = ORT, **fields: Any) -> tuple[Bench, Path]:
    bench = Bench(folder / "bench", **files)
    models = tuple(Timed(model=wire(name).attempt(), call=call) for name in names)
    step = TimeCandidates(models=models, samples=wire("samples"), facts=wire("facts"), **{"seconds": 0.6, **fields})
    return bench, bench.run(step)


@pytest.fixture(scope="module")
def timed(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source, a model some hundred times as large, one that does not load, one that was never made."""
    folder = tmp_path_factory.mktemp("timed")
    inputs: dict[str, Any] = {**files, "gone": REFUSED}
    return run(folder, inputs, "small", "large", "bad", "gone")[1]


def result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "0" / "result.json").read_text(encoding="utf-8"))
    return found


def test_raw_samples_of_every_model_that_could_be_run_are_kept(timed: Path) -> None:
    with np.load(timed / "0" / "samples.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}

    assert sorted(arrays) == ["0", "1", "control"]
    shapes = {array.shape for array in arrays.values()}
    assert len(shapes) == 1
    assert shapes.pop()[0] == 3
    assert all(array.dtype == np.int64 and (array > 0).all() for array in arrays.values())


def test_a_model_that_does_not_load_or_was_refused_takes_no_part(timed: Path) -> None:
    refused = summarize(timed)["refused"]

    assert refused["3"] == "quantizer: no node to quantize"
    assert "onnxruntime" in refused["2"]
    assert len(summarize(timed)["models"]) == 4


def test_what_the_run_was_like_stands_in_its_result(timed: Path) -> None:
    found = result(timed)

    assert len(found["processes"]) == 3
    assert {"load", "pressure"} <= set(found["conditions"]["before"])
    for process in found["processes"]:
        assert set(process["machine"]) <= {"stolen_s", "waiting_s", "throttled", "asleep_s"}
        assert set(process["load_ns"]) == {"0", "1"}
        assert process["wall_s"] > 0
    assert len({process["order_seed"] for process in found["processes"]}) == 3


def test_a_far_larger_model_is_slower_by_far(timed: Path) -> None:
    found = summarize(timed)

    median, low, _ = found["models"][1]["ratio"]["latency.p50"]
    # 720,000 multiplications against 32, a call of some microseconds beside each: measured 8 to 30 times.
    assert median > 2
    assert low > 1.5
    # Contention may spoil the run on a busy machine; the control's median of fastest runs stays near 1 even then.
    assert found["control"][0] == pytest.approx(1.0, abs=0.2)


def test_a_run_that_had_no_processor_to_itself_holds_for_this_build_only(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that sleeps uses as little of its processor as one that must share it."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    bench, folder = run(tmp_path, files, "small", call=session(tmp_path, "sleepy"), seconds=0.1, processes=2, tries=2)

    found = result(folder)
    assert not found["valid"]
    assert "4 of 4 processes were disturbed" in found["why"]
    assert bench.only_now == found["why"]
    assert len(found["processes"]) == 2


def test_a_control_that_differs_makes_the_run_invalid(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each session that is opened takes twice as long as the one before."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    bench, folder = run(tmp_path, files, "small", call=session(tmp_path, "uneven"), seconds=0.1, processes=2, tries=1)

    assert not result(folder)["valid"]
    assert bench.only_now


def test_a_model_that_takes_its_process_down_is_due_and_the_others_are_timed(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    bench = Bench(tmp_path / "bench", **files)
    bench.observed = Observed(subjects=("good", "bad"))
    models = (
        Timed(model=wire("small").attempt(), call=ORT),
        Timed(model=wire("small").attempt(), call=session(tmp_path, "abort")),
    )

    folder = bench.run(TimeCandidates(models=models, samples=wire("samples"), facts=wire("facts"), seconds=0.3))

    found = summarize(folder)
    assert found["models"][0] is not None and found["models"][1] is None
    assert "died by SIGABRT" in found["refused"]["1"]
    assert "A model could not be timed: died by SIGABRT." in bench.only_now
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    assert index["runs"][0]["subjects"] == {"good": "0"}, "the next build times the other again"


def test_nothing_to_time_is_a_result_too(files: dict[str, Path], tmp_path: Path) -> None:
    bench, folder = run(tmp_path, {**files, "gone": REFUSED}, "gone", "bad")

    assert set(summarize(folder)["refused"]) == {"0", "1"}
    assert bench.only_now == "no candidate could be run."
    assert summarize(folder)["models"] == [None, None]
