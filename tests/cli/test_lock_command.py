"""`build --locked`, `--fresh-choice` and `--remeasure` as a user calls them."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Project


def test_locked_in_an_empty_store_makes_everything_and_measures_nothing(project: Project, tmp_path: Path) -> None:
    project.store = tmp_path / "empty"
    done = project.build("--locked")
    assert done.code == 0, done.out + done.err
    assert done.ran > 20
    assert "time the candidates" not in done.err and "measure memory" not in done.err
    lock = project.spec.with_suffix(".lock").read_bytes()
    assert project.build("--locked").code == 0
    assert project.spec.with_suffix(".lock").read_bytes() == lock


def test_remeasure_weighs_again(project: Project) -> None:
    done = project.build("--remeasure")
    assert done.code == 0, done.out + done.err
    assert "measure memory" in done.err


def test_a_fresh_choice_is_made_without_the_lock(project: Project) -> None:
    done = project.build("--fresh-choice")
    assert done.code == 0, done.out + done.err
