"""What goes when room is made, and what never does."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.engine.store.gc import gc
from edgebuild.engine.store.locks import building
from edgebuild.engine.store.verify import verify_store
from tests.engine.conftest import Yard, damage, graph_of
from tests.engine.steps import Big, Say, Split, Stamp, Upper

ROOT = Path(__file__).resolve().parents[2]


def here(yard: Yard, graph: Graph) -> None:
    """Build as the checkout in the yard's own folder."""
    yard.build(graph, workspace=str(yard.folder))


def age(yard: Yard, days: float) -> None:
    yard.store.rows.run("UPDATE actions SET used = used - ?", days * 86400)


def test_bytes_without_a_name_go_and_what_is_built_stays(yard: Yard) -> None:
    graph = graph_of(parts=Split(left="1", right="2"), text=Say(text="x"))
    here(yard, graph)
    stray = yard.store.blobs.place("sha256:" + "0" * 64)
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("stray")
    found = gc(yard.store)
    assert (found.rows, found.blobs, found.bytes) == (0, 1, 5)
    assert not stray.exists()
    assert yard.ran(graph) == []


def test_what_was_not_used_for_long_goes_unless_a_checkout_has_it(yard: Yard) -> None:
    here(yard, graph_of(old=Say(text="old")))
    here(yard, graph_of(old=Say(text="new")))
    age(yard, 40)
    assert gc(yard.store, max_age_s=30 * 86400, dry_run=True).rows == 1
    assert gc(yard.store, max_age_s=30 * 86400).rows == 1
    assert yard.ran(graph_of(old=Say(text="new"))) == []
    assert yard.ran(graph_of(old=Say(text="old"))) == ["old"]


def test_a_checkout_that_is_gone_keeps_nothing(yard: Yard, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    yard.build(graph_of(text=Say(text="x")), workspace=str(gone))
    gone.rmdir()
    age(yard, 1)
    assert gc(yard.store, max_age_s=3600).rows == 1


def test_what_is_cheap_to_make_goes_first_and_what_comes_out_differently_never(yard: Yard) -> None:
    graph = graph_of(stamp=Stamp(name="s"), big=Big(megabytes=2))
    here(yard, graph)
    before = yard.build(graph, workspace=str(yard.folder)).digest(graph.wanted["stamp"])
    found = gc(yard.store, max_size=1000)
    assert (found.rows, found.blobs) == (0, 1)
    assert found.left_bytes < 100
    # The row is a name still: nothing runs until something needs the bytes.
    results = yard.build(graph, workspace=str(yard.folder))
    assert (results.ran, results.digest(graph.wanted["stamp"])) == (0, before)
    reader = Graph()
    reader.want("up", reader.add(Upper(source=reader.add(Say(text="x"), "x")), "up"))
    assert yard.build(reader).exit_code == 0


def test_what_a_lock_names_stays(yard: Yard) -> None:
    graph = graph_of(text=Say(text="locked"))
    results = yard.build(graph)
    digest = results.digest(graph.wanted["text"])
    age(yard, 400)
    assert gc(yard.store, max_age_s=1, max_size=0, roots=[digest]).rows == 0
    assert yard.store.verify(digest)
    assert gc(yard.store, max_age_s=1, max_size=0).rows == 1


def holding(yard: Yard, side: str) -> subprocess.Popen[str]:
    """Another process that holds one side of the store's lock for a while."""
    arguments = f"Path({str(yard.store.state)!r})"
    code = (
        f"import time; from pathlib import Path; from edgebuild.engine.store.locks import {side}\n"
        f"with {side}({arguments}):\n    print('in', flush=True); time.sleep(0.7)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "in\n"
    return other


def test_cleaning_waits_for_a_build_and_voids_stamps(yard: Yard) -> None:
    other = holding(yard, "building")
    waited: list[str] = []
    began = time.monotonic()
    gc(yard.store, waits=lambda: waited.append("waiting"))
    assert waited == ["waiting"]
    assert time.monotonic() - began > 0.3
    assert other.wait() == 0
    first = (yard.store.root / "generation").read_text()
    gc(yard.store)
    assert (yard.store.root / "generation").read_text() != first
    with building(yard.store.state), building(yard.store.state):
        pass


def test_a_build_and_a_look_at_every_byte_wait_for_cleaning_and_tell_it_once(yard: Yard) -> None:
    waited: list[str] = []
    for name, use in (
        ("build", lambda: yard.store.scratch(lambda: waited.append("build")).__enter__()),
        ("verify", lambda: verify_store(yard.store, lambda: waited.append("verify"))),
        ("silent", lambda: yard.store.scratch().__enter__()),
    ):
        other = holding(yard, "cleaning")
        began = time.monotonic()
        use()
        assert time.monotonic() - began > 0.3, name
        assert other.wait() == 0
    assert waited == ["build", "verify"]


def test_what_goes_while_every_byte_is_looked_at_is_no_damage(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build removes what it finds damaged, and makes it again."""
    graph = graph_of(one=Say(text="1"), two=Say(text="2"))
    results = yard.build(graph)
    one, two = (results.digest(graph.wanted[name]) for name in ("one", "two"))
    sound = yard.store.blobs.sound

    def looked_at(digest: str) -> bool:
        yard.store.blobs.place(one).unlink(missing_ok=True)
        if digest == two:
            # Read while it was damaged, and replaced since.
            place = yard.store.blobs.place(two)
            place.with_name("new").write_text("2")
            place.with_name("new").replace(place)
            return False
        return sound(digest)

    monkeypatch.setattr(yard.store.blobs, "sound", looked_at)
    assert verify_store(yard.store).sound
    monkeypatch.undo()
    assert yard.store.verify(two)


def test_verify_finds_damage_and_the_next_build_heals_it(yard: Yard) -> None:
    graph = graph_of(parts=Split(left="1", right="2"), text=Say(text="x"))
    results = yard.build(graph)
    assert verify_store(yard.store).sound
    blob = yard.blob(results, "text")
    damage(blob)
    found = verify_store(yard.store)
    assert found.damaged == (f"sha256:{blob.name}",)
    assert [kind.rpartition(":")[2] for kind in found.absent] == ["Say"]
    again = yard.build(graph)
    with again:
        pass
    assert verify_store(yard.store).sound
