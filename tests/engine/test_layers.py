"""Stores behind a store, stores on the network, stores that others can write to, damaged and full ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.store import Store
from edgebuild.engine.store.layers import seal
from edgebuild.engine.store.place import file_system, mounts
from edgebuild.engine.store.verify import verify_store
from edgebuild.errors import StepError
from tests.engine.conftest import Yard, graph_of
from tests.engine.steps import Big, Join, Say, Split, Stamp


def everything() -> Graph:
    graph = Graph()
    stamp, parts = graph.add(Stamp(name="s"), "stamp"), graph.add(Split(left="1", right="2"), "parts")
    graph.want("joined", graph.add(Join(sources=(stamp, parts / "left.txt")), "joined"))
    graph.want("parts", parts)
    return graph


def read(graph: Graph, store: Store) -> tuple[int, str, int]:
    """Exit code, the joined text, steps that ran."""
    with build(graph, store, Options(jobs=2)) as results:
        return results.exit_code, results.path(graph.wanted["joined"]).read_text(), results.ran


@pytest.fixture
def layer(tmp_path: Path) -> tuple[Path, str]:
    """A sealed store that nobody may write to, and the text in it."""
    with Store(tmp_path / "layer") as store:
        text = read(everything(), store)[1]
    seal(tmp_path / "layer")
    return tmp_path / "layer", text


def test_what_a_layer_knows_is_not_made_again_and_the_layer_is_not_written(
    layer: tuple[Path, str], tmp_path: Path
) -> None:
    folder, text = layer
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with Store(tmp_path / "own", [folder]) as store:
        assert read(everything(), store) == (0, text, 0)
        graph = everything()
        graph.want("more", graph.add(Say(text="more"), "more"))
        with build(graph, store) as results:
            assert results.ran == 1
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_damage_in_a_layer_is_not_taken_over(layer: tuple[Path, str], tmp_path: Path) -> None:
    folder, text = layer
    for blob in (folder / "blobs").glob("*/*"):
        blob.chmod(0o644)
        blob.write_bytes(b"\0" + blob.read_bytes()[1:])
    with Store(tmp_path / "own", [folder]) as store:
        with pytest.raises(StepError, match="came out differently"):
            read(everything(), store)
        code, now, _ = read(everything(), store)
        assert code == 0
        assert now != text
        assert verify_store(store).sound


def test_a_store_in_use_is_no_layer(tmp_path: Path) -> None:
    store = Store(tmp_path / "busy")
    store.rows.run("INSERT INTO workspaces VALUES ('x', 1)")
    with pytest.raises(StepError, match="not a sealed one"):
        Store(tmp_path / "own", [tmp_path / "busy"])
    with pytest.raises(StepError, match=r"in use|cannot be sealed"):
        seal(tmp_path / "busy")
    store.close()
    with pytest.raises(StepError, match="holds no store"):
        Store(tmp_path / "own", [tmp_path / "nothing"])


def test_on_the_network_tables_and_locks_lie_on_this_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    mounted = [(f"{tmp_path.resolve()}/nfs/", "nfs4"), ("/", "ext4")]
    with Store(tmp_path / "nfs" / "store", mounted=mounted) as store:
        assert read(everything(), store)[0] == 0
        assert store.state.is_relative_to(tmp_path / "state")
        assert "lies on nfs4" in store.notes[0]
    assert not (tmp_path / "nfs" / "store" / "rows.sqlite").exists()
    assert list((tmp_path / "nfs" / "store" / "blobs").glob("*/*"))


def test_the_longest_mount_point_counts_and_of_two_the_last(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / /home rw - nfs4 x:/ rw\n"
        "3 1 0:6 / /home/me\\040too rw shared:1 - xfs /dev/b rw\n4 1 0:7 / /home rw - tmpfs t rw\n"
    )
    known = mounts(table)
    assert file_system("/var", known) == "ext4"
    assert file_system("/home/you", known) == "tmpfs"
    assert file_system("/home/me too/x", known) == "xfs"
    assert file_system("/", []) == ""


def test_a_store_that_others_may_write_to_is_told(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        assert store.notes == []
        assert store.root.stat().st_mode & 0o777 == 0o700
    (tmp_path / "store").chmod(0o777)
    with Store(tmp_path / "store") as store:
        assert "chmod 700" in store.notes[0]


# -- damage ----------------------------------------------------------------------------------------------------------


def flip(path: Path, place: float) -> None:
    """One bit, with the times as they were."""
    before, content = path.stat(), bytearray(path.read_bytes())
    path.chmod(0o644)
    content[int(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


HARM = {
    "deleted": lambda path, _: path.unlink(),
    "cut": lambda path, place: (path.chmod(0o644), path.write_bytes(path.read_bytes()[: int(place * 10)])),
    "flipped": flip,
    "overwritten": lambda path, _: (path.chmod(0o644), path.write_bytes(b"something else")),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A store with a build in it, and what the build gave."""
    folder = tmp_path_factory.mktemp("whole") / "store"
    with Store(folder) as store:
        text = read(everything(), store)[1]
    return folder, text


def healed(folder: Path) -> tuple[int, str, int]:
    """What a build gives; damage in the middle of the table shows when it is met, and is set aside by the next one."""
    for _ in range(3):
        try:
            with Store(folder) as store:
                return read(everything(), store)
        except StepError as error:
            assert "damaged" in str(error)
    raise AssertionError(f"{folder} was never healed")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 99), harm=st.sampled_from(sorted(HARM)), place=st.floats(0, 1))
def test_any_one_damaged_file_is_healed(
    whole: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory, which: int, harm: str, place: float
) -> None:
    folder = tmp_path_factory.mktemp("harmed") / "store"
    shutil.copytree(whole[0], folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    victim = files[which % len(files)]
    HARM[harm](victim, place)
    code, text, ran = healed(folder)
    assert code == 0
    # What this one did not ask for, the next one may.
    last = healed(folder)
    with Store(folder) as store:
        assert read(everything(), store)[1:] == (last[1], 0)
        if "blobs" in victim.parts and text == whole[1]:
            # Equal bytes were made again: nothing that reads them ran.
            assert ran <= 1
        assert not verify_store(store).damaged


# -- full ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("room", [30_000, 120_000, 300_000, 700_000, 1_500_000])
def test_a_full_disk_at_any_write_loses_nothing(small: Path, room: int) -> None:
    with Store(small / "store") as store:
        first = read(everything(), store)
    filler = small / "filler"
    free = shutil.disk_usage(small).free
    filler.write_bytes(b"x" * max(0, free - room))
    graph = everything()
    graph.want("big", graph.add(Big(megabytes=2), "big"))
    for number in range(6):
        graph.want(f"t{number}", graph.add(Say(text=str(number) * 50_000), f"t{number}"))
    try:
        with Store(small / "store") as store, build(graph, store, Options(jobs=2)) as results:
            assert results.exit_code == 5
            words = " ".join(problem.render() for problem in results.problems())
    except StepError as error:
        words = " ".join(problem.render() for problem in error.problems)
    assert "has no room" in words and "edgebuild store gc" in words
    filler.unlink()
    with Store(small / "store") as store:
        assert verify_store(store).sound
        assert read(everything(), store) == (0, first[1], 0)


def test_a_folder_that_cannot_be_written_is_told_with_a_way_out(yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StepError, match="cannot be written") as caught:
        Store(tmp_path / "file" / "store")
    assert "--store" in caught.value.problems[0].fix
    assert yard.build(graph_of(x=Say(text="x"))).exit_code == 0
