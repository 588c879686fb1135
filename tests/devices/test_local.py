"""The runner as a process of its own: what it answers, and how it may die."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.core.dossier import Call
from edgebuild.devices.links.base import Job, JobModel
from edgebuild.devices.links.local import LocalLink, RunnerDied, environment
from edgebuild.errors import Refused, StepError
from tests.measure.models import ORT, dense, session, split


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and samples, from which the runner can import sessions."""
    dense(tmp_path / "model.onnx")
    split(tmp_path / "samples")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def job(folder: Path, call: Call, model: str = "model.onnx", threads: int = 1) -> Job:
    return Job(
        what="predict",
        models=(JobModel(path=str(folder / model), call=call),),
        inputs=str(folder / "samples" / "inputs.npz"),
        threads=threads,
        parameters={"golden": 3},
    )


def test_a_job_leaves_its_records_and_returns_its_result(here: Path) -> None:
    result = LocalLink().execute(job(here, ORT), here / "out", 60)

    assert result["samples"] == 20
    assert "onnxruntime" in result["versions"]
    assert sorted(file.name for file in (here / "out").iterdir()) == ["golden.npz", "outputs.npz", "result.json"]


def test_a_model_that_the_runtime_declines_is_refused_in_its_words(here: Path) -> None:
    (here / "broken.onnx").write_bytes(b"no model at all")

    with pytest.raises(Refused, match=r"(?i)protobuf|model") as caught:
        LocalLink().execute(job(here, ORT, "broken.onnx"), here / "out", 60)
    assert "onnxruntime" in caught.value.by


def test_a_runner_that_dies_by_a_signal_leaves_its_last_words(here: Path) -> None:
    with pytest.raises(StepError, match=r"(?s)died by SIGABRT.*last words"):
        LocalLink().execute(job(here, session(here, "abort")), here / "out", 60)


@pytest.mark.parametrize("name", ["starved", "full"])
def test_a_machine_without_room_is_a_failure_and_no_words_about_the_model(here: Path, name: str) -> None:
    with pytest.raises(StepError, match="had not enough memory or disk") as caught:
        LocalLink().execute(job(here, session(here, name)), here / "out", 60)
    assert not (here / "out" / "refusal.json").exists()
    assert "Free memory or disk" in caught.value.problems[0].fix


def test_two_equal_ends_of_a_runner_are_known_as_equal(here: Path) -> None:
    ends = []
    for _ in range(2):
        with pytest.raises(RunnerDied) as caught:
            LocalLink().execute(job(here, session(here, "abort")), here / "out", 60)
        ends.append(caught.value.crashed)
    assert set(ends) == {"The runner (predict, abort) died by SIGABRT."}


def test_a_runner_that_hangs_is_stopped(here: Path) -> None:
    with pytest.raises(StepError, match=r"stopped after 3 s"):
        LocalLink().execute(job(here, session(here, "hang")), here / "out", 3)


def test_the_runner_gets_the_thread_count_of_the_job(here: Path) -> None:
    with pytest.raises(Refused, match="OMP 2"):
        LocalLink().execute(job(here, session(here, "threads"), threads=2), here / "out", 60)


def test_a_checkout_is_importable_and_the_users_path_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")

    assert environment(1)["PYTHONPATH"].split(":")[0] == "/somewhere"
