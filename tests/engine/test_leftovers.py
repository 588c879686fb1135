"""What dead builds and time leave in a store, and that it does not grow for ever."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from edgebuild.engine import crashes
from edgebuild.engine.leases import Lease, Leases
from edgebuild.engine.seal import clock
from edgebuild.engine.store import Store
from edgebuild.engine.store.gc import gc
from tests.engine.conftest import Yard, graph_of
from tests.engine.steps import Say

DAY_S = 86400.0


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make(folder: Path, *names: str, days: float = 0) -> None:
    """Files, as if written so long ago."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
        os.utime(folder / name, (time.time() - days * DAY_S,) * 2)


def test_old_stamps_logs_and_damaged_tables_go_and_young_ones_stay(yard: Yard) -> None:
    root = yard.store.root
    for folder in ("stamps", "logs"):
        make(root / folder, "old", "older.part", days=31)
        make(root / folder, "young", days=29)
    ages = {days: f"rows.sqlite.damaged-{int(time.time() - days * DAY_S)}" for days in (29, 31)}
    make(root, *(name + ending for name in ages.values() for ending in ("", "-wal")))
    before = left(root / "stamps")
    gc(yard.store, dry_run=True)
    assert left(root / "stamps") == before
    assert gc(yard.store).logs == 2
    assert (left(root / "stamps"), left(root / "logs")) == (["young"], ["young"])
    assert [name for name in left(root) if "damaged" in name] == [ages[29], ages[29] + "-wal"]


def test_what_killed_builds_left_in_scratch_goes(yard: Yard) -> None:
    scratch = yard.store.root / "scratch"
    make(scratch, "alone.lock", "dead.lock")
    (scratch / "dead").mkdir()
    make(scratch, "clock-1", "fetch-2", days=1)
    make(scratch, "clock-of-a-living-one")
    (scratch / "nobody's").mkdir()
    os.utime(scratch / "nobody's", (0, 0))
    gc(yard.store)
    assert left(scratch) == ["clock-of-a-living-one"]
    assert clock(yard.store) > 0


def test_a_folder_of_a_living_build_stays_whatever_its_age(yard: Yard) -> None:
    """As of another host that builds in a store on the network, where tables and their lock are each host's own."""
    scratch = yard.store.root / "scratch"
    make(scratch, "living.lock", days=2)
    (scratch / "living").mkdir()
    os.utime(scratch / "living", (0, 0))
    with (scratch / "living.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        gc(yard.store)
        assert left(scratch) == ["living", "living.lock"]
    gc(yard.store)
    assert left(scratch) == []


def test_leases_that_nobody_holds_go(yard: Yard) -> None:
    leases = Leases(yard.store.state / "leases")
    make(yard.store.state / "leases", "dead")
    held = leases.attempt("held", "a step")
    assert isinstance(held, Lease)
    gc(yard.store)
    assert left(yard.store.state / "leases") == ["held"]
    held.release()


@pytest.mark.parametrize("created", [time.time() - 31 * DAY_S, time.time() + DAY_S, "x"])
def test_notes_of_crashes_long_ago_or_at_no_time_go(created: object, yard: Yard) -> None:
    for key in ("a", "b"):
        crashes.note(yard.store, key, "", "fell", "")
    yard.store.rows.run("UPDATE crashes SET created = ? WHERE key = 'a'", created)
    gc(yard.store)
    assert yard.store.rows.all("SELECT key FROM crashes") == [("b",)]


def test_digests_of_files_that_nobody_asks_for_are_forgotten(yard: Yard, tmp_path: Path) -> None:
    """The use of a row is noted once in a month, and what was not used for three months goes."""
    for name in ("used", "unused"):
        (tmp_path / name).write_text(name)
    time.sleep(2.1)
    for name in ("used", "unused"):
        yard.store.user_files.digest(tmp_path / name)

    def known() -> int:
        (count,) = yard.store.rows.one("SELECT count(*) FROM stats") or (0,)
        return int(count)

    assert known() == 2
    for days in (40, 60):
        yard.store.rows.run("UPDATE stats SET used = used - ?", days * DAY_S)
        with Store(yard.store.root) as store:
            store.user_files.digest(tmp_path / "used")
            store.register("")
    gc(yard.store)
    assert known() == 1
    yard.store.user_files.digest(tmp_path / "used")
    assert known() == 1


def test_cleaning_an_empty_store_and_one_that_was_built_in_changes_nothing_that_counts(yard: Yard) -> None:
    gc(yard.store)
    graph = graph_of(say=Say(text="x"))
    yard.build(graph)
    gc(yard.store)
    assert yard.ran(graph) == []
