"""Single values of the tables that are not what was written, and times that no clock should have told."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.engine.oracle import Oracle
from edgebuild.engine.states import states
from edgebuild.engine.store import Store
from edgebuild.engine.store.gc import gc
from edgebuild.engine.store.history import Last
from edgebuild.engine.store.layers import seal
from edgebuild.engine.store.verify import verify_store
from edgebuild.errors import StepError
from tests.engine.conftest import Yard, graph_of
from tests.engine.keepsakes import Aged
from tests.engine.reading import read
from tests.engine.steps import Decline, Gather, Say, Stamp, Upper

OTHER = f"'sha256:{'1' * 64}'"


def chain() -> Graph:
    """A text, its reader, and a refusal with its reader."""
    graph = Graph()
    graph.want("up", graph.add(Upper(source=graph.add(Say(text="a"), "say")), "up"))
    no = graph.add(Decline(why="no"), "no")
    graph.want("gathered", graph.add(Gather(attempts=(no.attempt(),)), "gathered"))
    return graph


DAMAGE = {
    "the refusal is no JSON": "UPDATE actions SET refusal = '{'",
    "the refusal is another": "UPDATE actions SET refusal = replace(refusal, 'no', 'na')",
    "there is no such outcome": "UPDATE actions SET outcome = 'buil'",
    "built instead of refused": "UPDATE actions SET outcome = 'built'",
    "the digest is cut": "UPDATE actions SET digest = substr(digest, 1, 40)",
    "the digest is another": f"UPDATE actions SET digest = {OTHER} WHERE outcome = 'built'",
    "the digest is empty": "UPDATE actions SET digest = ''",
    "the digest is no text": "UPDATE actions SET digest = x'ff00'",
    "the size is no number": "UPDATE actions SET size = 'many'",
    "the check is another": "UPDATE actions SET crc = crc + 1",
    "the time of use is none": "UPDATE actions SET used = 'x'",
    "the time of its run is none": "UPDATE actions SET created = 'x', cost = 'y'",
    "a blob has another size": "UPDATE blobs SET size = size + 1",
    "a blob's inode is no number": "UPDATE blobs SET inode = 'x'",
    "the history is no JSON": "UPDATE history SET parts = '{', key = 'k'",
    "the history is a list": "UPDATE history SET parts = '[1]', created = 'x'",
    "a checkout was seen at no time": "UPDATE workspaces SET seen = 'x'",
    "text is no UTF-8": "UPDATE actions SET step = cast(x'ff' AS TEXT), refusal = cast(x'fe' AS TEXT)",
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_a_damaged_row_is_as_none_and_the_build_heals_it(damage: str, yard: Yard) -> None:
    workspace = str(yard.folder)
    texts = read(chain(), yard.store, workspace).texts
    yard.store.rows.run(DAMAGE[damage])
    with Store(yard.store.root) as store:
        states(chain(), store, workspace)
        gc(store, max_age_s=1e6, max_size=0, dry_run=True)
    assert read(chain(), yard.store, workspace).texts == texts
    assert read(chain(), yard.store, workspace) == (0, [], texts)
    assert verify_store(yard.store).sound


def test_what_the_first_writer_wrote_wins_unless_it_is_damaged(yard: Yard) -> None:
    graph = graph_of(stamp=Stamp())
    first = read(graph, yard.store)
    yard.store.rows.run("UPDATE actions SET digest = 'sha256:0'")
    second = read(graph, yard.store)
    assert second.texts != first.texts
    assert read(graph, yard.store) == (0, [], second.texts)


def test_verify_removes_damaged_rows_and_says_how_many(yard: Yard) -> None:
    read(chain(), yard.store)
    yard.store.rows.run("UPDATE actions SET size = size + 1 WHERE step LIKE '%Say'")
    found = verify_store(yard.store)
    assert (found.sound, found.results) == (False, 1)
    assert verify_store(yard.store).sound


def test_files_that_user_code_was_seen_to_read_count_as_they_were_written(yard: Yard) -> None:
    yard.store.keep_seen("pre", "key", [["file:0/a", "sha256:1"]])
    assert yard.store.seen_sets("pre") == [[["file:0/a", "sha256:1"]]]
    yard.store.rows.run("UPDATE seen SET files = replace(files, 'a', 'b')")
    assert yard.store.seen_sets("pre") == []


def test_a_history_that_cannot_be_read_is_none(yard: Yard) -> None:
    yard.store.history.note("here", "step", Last("k", {"version": 1}, "sha256:1", 1, time.time()))
    yard.store.rows.run("UPDATE history SET parts = '7'")
    assert yard.store.history.last("here", "step") is None


def test_a_damaged_table_of_a_layer_is_named_with_a_way_out(tmp_path: Path) -> None:
    with Store(tmp_path / "behind") as behind:
        read(chain(), behind)
    seal(tmp_path / "behind")
    table = tmp_path / "behind" / "rows.sqlite"
    content = table.read_bytes()
    table.write_bytes(content[:4096] + bytes(byte ^ 0x5A for byte in content[4096:]))
    with Store(tmp_path / "own", [tmp_path / "behind"]) as store:
        for ask in (store.action, store.seen_sets, store.whole):
            with pytest.raises(StepError, match=r"behind: cannot be read.*\n.*EDGEBUILD_STORE_LAYERS"):
                ask("tree:" + "0" * 64)


@pytest.mark.parametrize(
    ("written", "damaged"),
    [
        (b"created REAL", b"creaded REAL"),
        (b"digest TEXT NOT NULL", b"digest TEXT NOT NUL\xcc"),
        (b"crashes", b"crushes"),
    ],
)
def test_a_damaged_layout_of_the_table_is_set_aside(written: bytes, damaged: bytes, yard: Yard) -> None:
    texts = read(chain(), yard.store).texts
    yard.store.close()
    table = yard.store.root / "rows.sqlite"
    content = table.read_bytes()
    assert written in content
    table.write_bytes(content.replace(written, damaged, 1))
    with Store(yard.store.root) as store:
        assert "was damaged and is set aside" in store.notes[0]
        assert read(chain(), store).texts == texts
    with Store(yard.store.root) as store:
        assert store.notes == []


# -- clocks ----------------------------------------------------------------------------------------------------------

YEAR_S = 365 * 86400.0


def test_a_time_in_the_future_is_no_time_at_which_something_was_made(yard: Yard) -> None:
    read(graph_of(say=Say(text="a")), yard.store)
    (key,) = yard.store.rows.one("SELECT key FROM actions") or ("",)
    until = yard.store.valid_until(key, 3600.0)
    assert until is not None and 3500 < until - time.time() <= 3600
    assert yard.store.valid_until(key, 0.0) is None
    assert yard.store.valid_until("never run", 3600.0) is None
    yard.store.rows.run("UPDATE actions SET created = created + ?", 30)
    assert yard.store.valid_until(key, 3600.0) is not None
    yard.store.rows.run("UPDATE actions SET created = created + ?", YEAR_S)
    assert yard.store.valid_until(key, 3600.0) is None
    yard.store.rows.run("UPDATE actions SET created = 'x'")
    assert yard.store.valid_until(key, 3600.0) is None


@pytest.mark.parametrize(("ahead_s", "known"), [(30, True), (-3500, True), (-3600, False), (3600, False)])
def test_what_a_clock_that_was_ahead_dated_is_not_kept_for_longer(ahead_s: float, known: bool, yard: Yard) -> None:
    graph = graph_of(aged=Aged())
    read(graph, yard.store)
    yard.store.rows.run("UPDATE actions SET created = created + ?", ahead_s)
    oracle = Oracle(graph, yard.store)
    assert bool(oracle.ask(graph.wanted["aged"].id, {}).outcome) == known
    assert (oracle.until is not None) == known
