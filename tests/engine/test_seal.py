"""What a stamp takes for a witness, and what it refuses to."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

import edgebuild.engine.build as building
from edgebuild.engine.process.witness import Sighting
from edgebuild.engine.seal import Began, CannotStamp, Said, Witnesses, begin, seal
from tests.engine.conftest import Yard, damage, graph_of
from tests.engine.steps import CountAlone, Say


def sighting(path: Path) -> Sighting:
    found = path.stat()
    stat = [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]
    return {"path": str(path), "kind": "file", "stat": stat, "folder": False}


def test_a_file_that_changed_after_it_was_read_is_no_witness(yard: Yard, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    witnesses = Witnesses(yard.store, begin(yard.store)).take([sighting(path)])
    assert witnesses._stats([str(path)])
    before = path.stat()
    path.write_text("b")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(CannotStamp):
        witnesses._stats([str(path)])


def test_a_folder_that_may_not_be_listed_is_no_witness(yard: Yard, tmp_path: Path) -> None:
    seen: Sighting = {"path": str(tmp_path), "kind": "names", "stat": [0, 0, 0, 0], "folder": True}
    with pytest.raises(CannotStamp, match="cannot be listed"):
        Witnesses(yard.store, Began(0, None)).take([seen])


def test_a_file_from_before_1970_is_one(yard: Yard, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text("a")
    os.utime(path, (-86400.0, -86400.0))
    assert Witnesses(yard.store, Began(time.time_ns(), None)).take([sighting(path)])._stats([str(path)])


def test_a_link_counts_by_the_file_system_it_leads_to(yard: Yard, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/proc/version")
    with pytest.raises(CannotStamp, match="proc"):
        Witnesses(yard.store, Began(0, None))._local([str(link)])


def later(yard: Yard) -> Began:
    """A walk's begin; nothing of the installation counts as just changed, whoever edits it while this runs."""
    return replace(begin(yard.store), at=time.time_ns() + 60 * 10**9)


def test_an_answer_replaced_during_a_walk_is_no_witness(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(count=CountAlone(name="n"))
    yard.build(graph)
    # The build that measures anew has voided all stamps before this walk began.
    monkeypatch.setattr(building, "bump_generation", lambda _: None)
    began = later(yard)
    argv = ["build", "--store", str(yard.store.root)]
    with building.build(graph, yard.store) as results:
        yard.build(graph, remeasure=True)
        assert not seal(yard.store, argv, [], results, Said(0, "", ""), began)
    began = later(yard)
    with building.build(graph, yard.store) as results:
        assert seal(yard.store, argv, [], results, Said(0, "", ""), began)


def test_a_blob_that_changed_after_the_walk_is_no_witness(yard: Yard) -> None:
    graph = graph_of(say=Say(text="a"))
    yard.build(graph)
    began = later(yard)
    with building.build(graph, yard.store) as results:
        assert seal(yard.store, ["build", "--store", str(yard.store.root)], [], results, Said(0, "", ""), began)
        damage(yard.blob(results, "say"))
        assert not seal(yard.store, ["build", "--store", str(yard.store.root)], [], results, Said(0, "", ""), began)
