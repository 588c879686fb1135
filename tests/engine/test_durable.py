"""What a power loss may take: outputs that can be made again, and no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.engine.results import Results
from tests.engine.conftest import Yard, graph_of
from tests.engine.keepsakes import Stamps
from tests.engine.steps import Say, Split, Stamp


@pytest.fixture
def synced(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files and folders that were brought to the disk while the store had no row yet that needs them."""
    found: list[Path] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        assert yard.store.rows.one("SELECT count(*) FROM actions") == (0,)
        found.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    return found


def blobs(yard: Yard, results: Results, graph: Graph) -> set[Path]:
    """Where the files of all outputs lie."""
    digests = [results.digest(artifact) for artifact in graph.wanted.values()]
    return {yard.store.blobs.place(line.digest) for digest in digests for _, line in yard.store.files(digest)}


def test_a_file_that_comes_out_differently_is_on_the_disk_before_its_row(yard: Yard, synced: list[Path]) -> None:
    graph = graph_of(stamp=Stamp())
    (blob,) = blobs(yard, yard.build(graph), graph)
    assert synced == [blob, blob.parent, blob.parent.parent]


def test_a_folder_that_comes_out_differently_is_there_with_every_file(yard: Yard, synced: list[Path]) -> None:
    graph = graph_of(stamps=Stamps(name="n"))
    files = blobs(yard, yard.build(graph), graph)
    assert len(files) == 2
    assert set(synced) == {*files, *(file.parent for file in files), yard.store.blobs.folder}


def test_bytes_that_were_there_already_are_brought_to_the_disk_too(
    yard: Yard, synced: list[Path], tmp_path: Path
) -> None:
    """Whoever made them first could make them again, and did not wait for the disk."""
    for durable in (False, True):
        (tmp_path / "a").write_text("a")
        built, _ = yard.store.publish(tmp_path / "a", durable=durable)
        assert bool(synced) == durable
    assert yard.store.blobs.place(built.digest) in synced


def test_what_can_be_made_again_does_not_wait_for_the_disk(yard: Yard, synced: list[Path]) -> None:
    yard.build(graph_of(say=Say(text="x"), parts=Split(left="1", right="2")))
    assert synced == []
