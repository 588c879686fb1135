"""Which specs a command means."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.spec import find


def names(paths: list[Path]) -> list[str]:
    return [path.as_posix() for path in paths]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "deployment.edge.yaml", "b/one.edge.yaml", "b/base.yaml", "build/demo/x.edge.yaml", ".hidden/y.edge.yaml",
        "venv/pyvenv.cfg", "venv/z.edge.yaml", "tools/pyvenv.cfg", "tools/w.edge.yaml",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("tree")
def test_nothing_means_every_spec_of_the_project_but_what_tools_made() -> None:
    assert set(names(find())) == {
        "deployment.edge.yaml",
        "b/one.edge.yaml",
    }


@pytest.mark.usefixtures("tree")
def test_a_file_is_taken_as_it_is_and_each_once() -> None:
    assert names(find([Path("b/base.yaml"), Path("b"), Path("b/one.edge.yaml")])) == ["b/base.yaml", "b/one.edge.yaml"]
