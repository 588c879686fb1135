"""Bytes that a store takes from the stores behind it, and what may lie where a blob should be."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgebuild.engine.store import Store
from edgebuild.engine.store.gc import gc
from edgebuild.engine.store.layers import seal
from edgebuild.engine.store.rows import NoRoomError
from edgebuild.engine.store.verify import verify_store
from tests.engine.conftest import Yard, graph_of
from tests.engine.reading import read
from tests.engine.steps import Big, Say

UNREADABLE = Path("/proc/self/mem")
"""A regular file that gives an I/O error to whoever reads its begin, as a bad disk does; to root too."""


@pytest.fixture
def layer(tmp_path: Path) -> tuple[Path, str]:
    """A sealed store with 2 MB, and their digest."""
    yard = Yard(tmp_path / "behind")
    graph = graph_of(big=Big(megabytes=2))
    digest = yard.build(graph).digest(graph.wanted["big"])
    yard.store.close()
    seal(yard.store.root)
    return yard.store.root, digest


@pytest.fixture
def own(layer: tuple[Path, str], tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "own", [layer[0]]) as store:
        yield store


def in_two_threads(work: Callable[[], bool]) -> list[bool]:
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(work())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return found


def litter(store: Store) -> list[str]:
    """What lies in scratch, and between the blobs without being one."""
    return [path.name for path in (*(store.root / "scratch").iterdir(), *store.blobs.strays())]


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store and what is behind it lie on two file systems."""

    def link(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)


@pytest.mark.usefixtures("apart")
def test_two_may_copy_one_blob_of_a_layer_at_once(
    own: Store, layer: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, copy = threading.Barrier(2, timeout=10), shutil.copyfile

    def copied(source: Path, destination: Path) -> None:
        both.wait()
        copy(source, destination)
        both.wait()

    monkeypatch.setattr(shutil, "copyfile", copied)
    assert in_two_threads(lambda: own.blobs.verify(layer[1])) == [True, True]
    assert litter(own) == []
    assert verify_store(own).sound
    assert own.blobs.place(layer[1]).stat().st_mode & 0o777 == 0o444


def test_two_may_link_one_blob_of_a_layer_at_once(
    own: Store, layer: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, link = threading.Barrier(2, timeout=10), os.link

    def linked(source: Path, destination: Path) -> None:
        both.wait()
        link(source, destination)
        both.wait()

    monkeypatch.setattr(os, "link", linked)
    assert in_two_threads(lambda: own.blobs.verify(layer[1])) == [True, True]
    assert litter(own) == []
    assert verify_store(own).sound


def test_a_part_of_a_killed_build_is_no_obstacle_and_no_damage_and_goes(own: Store, layer: tuple[Path, str]) -> None:
    place = own.blobs.place(layer[1])
    place.parent.mkdir()
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    part.write_bytes(b"half")
    assert own.blobs.verify(layer[1])
    found = verify_store(own)
    assert (found.sound, found.blobs) == (True, 1)
    assert gc(own, dry_run=True, roots=[layer[1]]).blobs == 0
    gc(own, roots=[layer[1]])
    assert not part.exists()
    assert own.blobs.verify(layer[1])


@pytest.mark.usefixtures("apart")
def test_a_disk_without_room_for_a_layers_bytes_is_full(layer: tuple[Path, str], tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        with Store(place / "own", [layer[0]]) as store:
            with pytest.raises(NoRoomError, match="has no room"):
                store.verify(layer[1])
            assert litter(store) == []
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("harm", ["a folder", "unreadable", "a link to nothing"])
def test_what_cannot_be_read_in_a_layer_is_not_there(harm: str, own: Store, layer: tuple[Path, str]) -> None:
    spoil(next((layer[0] / "blobs").glob("*/*")), harm)
    assert own.verify(layer[1]) is False
    assert litter(own) == []


def spoil(blob: Path, harm: str) -> None:
    """Something else in the place of a blob."""
    blob.unlink()
    if harm == "a folder":
        (blob / "inner").mkdir(parents=True)
    elif harm == "a file for its folder":
        blob.parent.rmdir()
        blob.parent.touch()
    else:
        blob.symlink_to(UNREADABLE if harm == "unreadable" else "/nowhere")


@pytest.mark.parametrize("harm", ["a folder", "unreadable", "a link to nothing", "a file for its folder"])
def test_whatever_lies_in_a_blobs_place_is_replaced_by_the_blob(harm: str, yard: Yard) -> None:
    graph = graph_of(say=Say(text="x"))
    results = yard.build(graph)
    spoil(yard.blob(results, "say"), harm)
    assert not yard.store.verify(results.digest(graph.wanted["say"]))
    assert read(graph, yard.store).texts["say"] == "x"
    assert verify_store(yard.store).sound


@pytest.mark.parametrize("harm", ["a folder", "unreadable", "a link to nothing"])
def test_verify_removes_whatever_lies_in_a_blobs_place(harm: str, yard: Yard) -> None:
    blob = yard.blob(yard.build(graph_of(say=Say(text="x"))), "say")
    spoil(blob, harm)
    assert verify_store(yard.store).damaged == (f"sha256:{blob.name}",)
    assert not os.path.lexists(blob)
    assert verify_store(yard.store).sound


def test_damage_is_made_good_from_a_layer_without_running_anything(own: Store, layer: tuple[Path, str]) -> None:
    assert own.verify(layer[1])
    place = own.blobs.place(layer[1])
    place.unlink()
    place.write_bytes(b"other")
    assert own.verify(layer[1])
    assert place.stat().st_size == 2 << 20
