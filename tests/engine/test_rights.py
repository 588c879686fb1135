"""Who may read and write a store, and what is said where it cannot be written."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.engine.outcomes import Failed
from edgebuild.engine.store import Store
from edgebuild.engine.store.gc import gc
from edgebuild.engine.store.rows import NoRoomError
from edgebuild.errors import StepError
from tests.engine.conftest import Yard, damage, graph_of
from tests.engine.reading import read
from tests.engine.steps import Say, Split


def mount(place: Path, *words: str) -> None:
    """Mount something there, or skip the test."""
    done = subprocess.run(["mount", *words, str(place)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.decode().strip()}")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- readers and writers ---------------------------------------------------------------------------------------------


@pytest.fixture
def maskless() -> Iterator[None]:
    """A process whose mask lets every right through, as in some containers."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("maskless")
@pytest.mark.parametrize("network", [False, True])
def test_all_that_is_made_is_the_owners_alone_whatever_the_mask(
    network: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "local" / "state"))
    mounted = [("/", "nfs4" if network else "ext4")]
    with Store(tmp_path / "cache" / "edgebuild", mounted=mounted) as store:
        store.publish(made(tmp_path / "parts"))
        with store.scratch() as scratch:
            folders = [scratch, *(path for path in tmp_path.rglob("*") if path.is_dir())]
            assert {str(path): mode(path) for path in folders if mode(path) != 0o700} == {}
        tables = list(store.state.glob("rows.sqlite*"))
        assert {path.name for path in tables} >= {"rows.sqlite", "rows.sqlite-wal", "rows.sqlite-shm"}
        assert {mode(path) for path in tables if not path.name.endswith(".lock")} == {0o600}
        assert not any("others" in note for note in store.notes)
        assert (store.state == store.root) != network


def made(folder: Path) -> Path:
    """A folder of a step's."""
    folder.mkdir(mode=0o700)
    (folder / "a").write_text("a")
    return folder


def test_a_folder_of_tables_that_others_may_write_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with Store(tmp_path / "store", mounted=[("/", "nfs4")]) as store:
        state = store.state
    state.chmod(0o777)
    with Store(tmp_path / "store", mounted=[("/", "nfs4")]) as store:
        assert f"`chmod 700 {state}`" in " ".join(store.notes)


def test_tables_in_a_folder_that_others_may_read_are_hidden_from_them(tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.mkdir(mode=0o755)
    with Store(root) as store:
        read(graph_of(say=Say(text="x")), store)
        for table in root.glob("rows.sqlite*"):
            table.chmod(0o644)
        with Store(root):
            assert {mode(root / f"rows.sqlite{ending}") for ending in ("", "-wal", "-shm")} == {0o600}
    assert mode(root) == 0o755


# -- what cannot be written ------------------------------------------------------------------------------------------


@pytest.fixture
def frozen(yard: Yard) -> Iterator[Yard]:
    """A store whose blobs cannot be written, by root neither."""
    yard.build(graph_of(say=Say(text="x"), parts=Split(left="1", right="2")))
    blobs = yard.store.root / "blobs"
    mount(blobs, "--bind", str(blobs))
    yield yard
    subprocess.run(["umount", "-l", str(blobs)], check=True)


def freeze(yard: Yard) -> None:
    mount(yard.store.root / "blobs", "-o", "remount,ro,bind")


def test_blobs_that_cannot_be_written_are_a_problem_with_a_way_out(frozen: Yard) -> None:
    freeze(frozen)
    assert frozen.ran(graph_of(say=Say(text="x"))) == []
    results = frozen.build(graph_of(new=Say(text="new"), folder=Split(left="3", right="4")), keep_going=True)
    assert results.exit_code == 5
    for problem in results.problems():
        assert problem.where == str(frozen.store.root)
        assert "cannot be written (Read-only file system)" in problem.what
        assert "rights" in problem.fix and "--store" in problem.fix


def test_damage_that_cannot_be_removed_is_a_problem_with_a_way_out(frozen: Yard) -> None:
    graph = graph_of(say=Say(text="x"))
    results = frozen.build(graph)
    damage(frozen.blob(results, "say"))
    freeze(frozen)
    with Store(frozen.store.root) as store, pytest.raises(StepError, match="cannot be written"):
        store.verify(results.digest(graph.wanted["say"]))
    (failed,) = Yard.build(frozen, graph, keep_going=True).failures or (None,)
    assert isinstance(failed, Failed)
    assert (failed.exit_code, "cannot be written" in failed.problems[0].what) == (5, True)


def test_room_that_cannot_be_made_is_told(frozen: Yard) -> None:
    freeze(frozen)
    frozen.store.rows.run("DELETE FROM actions")
    with pytest.raises(StepError, match="cannot be written"):
        gc(frozen.store)


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Path]:
    """A disk that can hold few files."""
    place = tmp_path / "disk"
    place.mkdir()
    mount(place, "-t", "tmpfs", "-o", "size=20m,nr_inodes=60", "tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_without_a_name_for_one_more_file_is_full(crowded: Path) -> None:
    with Store(crowded / "store") as store:
        read(graph_of(say=Say(text="x")), store)
        with store.scratch():
            pass
    free = os.statvfs(crowded).f_ffree
    for number in range(free):
        (crowded / str(number)).touch()
    told = 0
    for number in range(8):
        try:
            with Store(crowded / "store") as store, store.scratch():
                pass
        except NoRoomError as error:
            told += 1
            assert "has no room" in str(error)
        (crowded / str(number)).unlink()
    # The log of the table and its index, the lock of the folder and the folder.
    assert told == 4
    with Store(crowded / "store") as store:
        assert read(graph_of(say=Say(text="x")), store).ran == []
