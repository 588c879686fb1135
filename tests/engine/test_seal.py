"""What a stamp takes for a witness, and what it refuses to."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from edgebuild.engine.process.witness import Sighting
from edgebuild.engine.seal import CannotStamp, Witnesses, clock
from tests.engine.conftest import Yard


def sighting(path: Path) -> Sighting:
    found = path.stat()
    stat = [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]
    return {"path": str(path), "kind": "file", "stat": stat, "folder": False}


def test_a_file_that_changed_after_it_was_read_is_no_witness(yard: Yard, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    witnesses = Witnesses(yard.store, clock(yard.store)).take([sighting(path)])
    assert witnesses._stats([str(path)])
    before = path.stat()
    path.write_text("b")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(CannotStamp):
        witnesses._stats([str(path)])


def test_a_folder_that_may_not_be_listed_is_no_witness(yard: Yard, tmp_path: Path) -> None:
    seen: Sighting = {"path": str(tmp_path), "kind": "names", "stat": [0, 0, 0, 0], "folder": True}
    with pytest.raises(CannotStamp, match="cannot be listed"):
        Witnesses(yard.store, 0).take([seen])


def test_a_file_from_before_1970_is_one(yard: Yard, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text("a")
    os.utime(path, (-86400.0, -86400.0))
    assert Witnesses(yard.store, time.time_ns()).take([sighting(path)])._stats([str(path)])


def test_a_link_counts_by_the_file_system_it_leads_to(yard: Yard, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/proc/version")
    with pytest.raises(CannotStamp, match="proc"):
        Witnesses(yard.store, 0)._local([str(link)])
