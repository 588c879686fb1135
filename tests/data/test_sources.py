"""The user's files: their digest, their copy, what no folder may hold."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edgebuild import reads
from edgebuild.data.sources import ReadSource, digest_path
from edgebuild.errors import DataError
from tests.conftest import Bench


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "b").mkdir(parents=True)
    (folder / "a.txt").write_text("one")
    (folder / "b" / "c.txt").write_text("two")
    return folder


def test_a_files_digest_is_of_its_bytes(folder: Path) -> None:
    assert digest_path(folder / "a.txt") == "sha256:" + hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize("name", ["a.txt", "."])
def test_whoever_keeps_digests_is_asked_for_those_of_files(folder: Path, name: str) -> None:
    read = digest_path(folder / name)
    asked: list[Path] = []

    def keeper(path: Path) -> str:
        asked.append(path)
        return reads.streamed(path)

    with reads.digested_by(keeper):
        assert digest_path(folder / name) == read
    assert asked == ([folder / "a.txt"] if name == "a.txt" else [folder / "a.txt", folder / "b" / "c.txt"])
    digest_path(folder / name)
    assert len(asked) <= 2


def test_a_folders_digest_is_of_names_and_bytes_alone(folder: Path, tmp_path: Path) -> None:
    before = digest_path(folder)
    (folder / ".DS_Store").write_text("litter")
    (folder / "b" / "._c.txt").write_text("litter")
    assert digest_path(folder) == before

    assert digest_path(folder.rename(tmp_path / "moved")) == before
    (tmp_path / "moved" / "a.txt").rename(tmp_path / "moved" / "d.txt")
    assert digest_path(tmp_path / "moved") != before


@pytest.mark.parametrize("name", ["a.txt", "."])
def test_the_copy_is_the_source_under_the_plans_name(folder: Path, tmp_path: Path, name: str) -> None:
    source = folder / name
    step = ReadSource(path=str(source), digest=digest_path(source), name="model.x")

    copy = Bench(tmp_path / "bench").run(step)

    assert copy.name == "model.x"
    assert digest_path(copy) == step.digest


def test_where_a_source_lies_is_in_no_key(folder: Path) -> None:
    one, two = (ReadSource(path=path, digest="sha256:0", name="m") for path in ("/a", "/b"))

    assert one.id == two.id


def test_a_source_that_changed_meanwhile_is_told(folder: Path, tmp_path: Path) -> None:
    source = folder / "a.txt"
    step = ReadSource(path=str(source), digest=digest_path(source), name="m")
    source.write_text("new")

    with pytest.raises(DataError) as caught:
        Bench(tmp_path / "bench").run(step)

    assert str(caught.value) == (
        f"{source}: changed while the build was running: its digest was {step.digest}, "
        f"now it is {digest_path(source)}.\n"
        "  fix: Build again once nothing writes to it."
    )
    source.unlink()
    with pytest.raises(DataError, match="is gone since this build began"):
        Bench(tmp_path / "bench").run(step)


def test_a_path_to_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such file or folder\.\n  fix: Correct the path"):
        digest_path(tmp_path / "nothing")


def test_links_out_devices_and_names_that_differ_in_case_are_told_at_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "A.txt").write_text("x")

    with pytest.raises(DataError) as caught:
        digest_path(folder)

    assert sorted(problem.what for problem in caught.value.problems) == [
        "differs from `A.txt` in case alone.",
        "is a link out of the folder.",
    ] or sorted(problem.what for problem in caught.value.problems) == [
        "differs from `a.txt` in case alone.",
        "is a link out of the folder.",
    ]


def test_a_link_inside_the_folder_is_the_file_it_names(folder: Path) -> None:
    (folder / "again.txt").symlink_to("a.txt")
    linked = digest_path(folder)
    (folder / "again.txt").unlink()
    (folder / "again.txt").write_text("one")

    assert digest_path(folder) == linked
