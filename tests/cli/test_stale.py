"""What must never be served stale, and what may."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Project, write_model, write_samples
from tests.lent import lend


def labels(project: Project) -> str:
    """What `why` says would run."""
    return project.edgebuild("why").out


@pytest.fixture
def project(elsewhere: Project) -> Project:
    """Without measurements: what is made again decides here, and the rest would be waited for."""
    return elsewhere


@pytest.fixture(autouse=True)
def known(project: Project) -> None:
    """Built once in its own folder: what ran under which name is remembered by folder."""
    project.build()


def test_calibration_data_replaced_at_the_same_path_is_calibrated_again(project: Project) -> None:
    sums = (project.package / "SHA256SUMS").read_text()
    write_samples(project.folder, seed=5)
    done = project.build()
    assert done.code == 0
    assert done.ran > 10
    assert (project.package / "SHA256SUMS").read_text() != sums
    again = project.edgebuild("why", "calibrate").out
    assert "samples.npz" in again or "calibrat" in again


def test_a_changed_loader_loads_again(project: Project) -> None:
    project.replace('"x": scaled(x)', '"x": scaled(x) * 1.02', "data.py")
    assert project.build().ran > 10


def test_a_changed_module_of_the_loader_loads_again(project: Project) -> None:
    project.replace("1.00", "1.015", "scaling.py")
    assert "scaling.py" in labels(project)
    assert project.build().ran > 10


def test_a_same_size_edit_of_a_module_is_noticed(project: Project) -> None:
    project.replace("1.00", "1.01", "scaling.py")
    assert project.build().ran > 10


def test_a_changed_model_is_another_model(project: Project) -> None:
    write_model(project.folder / "tiny.onnx", seed=9)
    # Labels are the old model's: the new one is at chance on them.
    done = project.build()
    assert done.code == 2
    assert "chance" in done.err


def test_a_comment_in_the_loader_runs_the_loader_and_nothing_after_it(project: Project) -> None:
    file = project.folder / "data.py"
    file.write_text(file.read_text() + "\n# said again\n")
    assert project.build().ran == 1


def test_an_added_metric_runs_no_model(project: Project) -> None:
    project.replace("  agreement: {metric: agreement}", "  agreement: {metric: agreement}\n  sqnr: {metric: sqnr}")
    assert not [line for line in labels(project).splitlines() if "predict" in line and "will run" in line]
    done = project.build()
    # check, two scores, decide, package, archive, report.
    assert 0 < done.ran <= 8, done.out


def announce(site: Path, tool: str) -> None:
    """Another version of a tool, as far as its metadata says."""
    info = site / f"{tool}-99.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {tool}\nVersion: 99.0\n")


@pytest.mark.parametrize(("tool", "step"), [("onnxruntime", "quantize"), ("onnxsim", "simplify")])
def test_another_version_of_a_tool_runs_its_steps_again(tool: str, step: str, project: Project, tmp_path: Path) -> None:
    environment = lend(tmp_path / "venv")
    project.interpreter = str(environment.python)
    assert step not in labels(project)
    announce(environment.site, tool)
    assert step in labels(project)
    assert "99.0" in labels(project)


def test_a_version_on_a_path_that_steps_do_not_see_changes_nothing(project: Project, tmp_path: Path) -> None:
    announce(tmp_path / "site-packages", "onnxsim")
    project.environment["PYTHONPATH"] = str(tmp_path / "site-packages")
    assert "99.0" not in labels(project)
    assert project.build().ran == 0


def test_another_store_and_another_folder_change_nothing_that_is_made(project: Project, tmp_path: Path) -> None:
    sums = (project.package / "SHA256SUMS").read_text()
    moved = Project(project.folder.rename(tmp_path / "elsewhere"), tmp_path / "another")
    assert moved.build().code == 0
    made = [line for line in sums.splitlines() if "model.onnx" in line or "golden" in line]
    again = (moved.package / "SHA256SUMS").read_text()
    assert made and all(line in again for line in made)


def test_a_variable_reaches_the_loader_only_where_it_is_declared_and_then_counts(project: Project) -> None:
    project.replace('"x": scaled(x)', '"x": scaled(x) * float(__import__("os").environ.get("GAIN", "1"))', "data.py")
    project.build()
    project.environment["GAIN"] = "1.03"
    assert project.build().ran == 0
    project.replace("metrics:", "environment: [GAIN]\n\nmetrics:")
    assert project.build().ran > 10
    assert project.build().ran == 0
    project.environment["GAIN"] = "1.04"
    assert "environment.GAIN" in labels(project)
    assert project.build().ran > 10


def test_rehash_distrusts_what_is_known_of_files(project: Project) -> None:
    import sqlite3

    with sqlite3.connect(project.store / "rows.sqlite") as db:
        (known,) = db.execute("SELECT count(*) FROM stats").fetchone()
        # As if a disk had changed bytes behind all times.
        db.execute("UPDATE stats SET digest = 'sha256:' || substr(digest, 9) || '0'")
    db.close()
    assert known
    done = project.build("--rehash")
    assert (done.code, done.ran) == (0, 0)
    assert project.build("--no-fast-path").ran == 0
