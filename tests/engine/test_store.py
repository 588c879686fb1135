"""The store by itself: what it takes, what it refuses, what it remembers."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebuild.core.wires import Refusal
from edgebuild.engine.outcomes import Built, Declined
from edgebuild.engine.store import Store, default_root
from edgebuild.engine.store.history import Last
from edgebuild.errors import StepError
from tests.engine.steps import Say


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as store:
        yield store


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_root_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_root() == tmp_path / "edgebuild"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_root() == tmp_path / "home" / ".cache" / "edgebuild"


def test_the_store_is_private_and_its_files_are_read_only(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    built, _ = store.publish(tmp_path / "a.txt")
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.blobs.place(built.digest).stat().st_mode) == 0o444
    assert not (tmp_path / "a.txt").exists()


def test_equal_files_are_kept_once(store: Store, tmp_path: Path) -> None:
    folder = write(tmp_path / "f", {"a": "same", "b/c": "same", "d": "other"})
    built, stats = store.publish(folder)
    assert built.size == 13
    assert len(stats) == 2
    assert len(list((store.root / "blobs").glob("*/*"))) == 2


def test_a_folder_is_named_by_its_content_not_by_order_or_time(store: Store, tmp_path: Path) -> None:
    one, _ = store.publish(write(tmp_path / "one", {"a": "1", "b/c": "2"}))
    os.utime(write(tmp_path / "two", {"b/c": "2", "a": "1"}) / "a", (0, 0))
    two, _ = store.publish(tmp_path / "two")
    assert one == two
    assert store.member(one.digest, "b").digest == store.publish(write(tmp_path / "b", {"c": "2"}))[0].digest
    assert store.member(one.digest, "b/c").size == 1
    with pytest.raises(KeyError):
        store.member(one.digest, "a/c")


def test_two_spellings_of_a_name_are_one(store: Store, tmp_path: Path) -> None:
    one, _ = store.publish(write(tmp_path / "one", {"e\u0301.txt": "1"}))
    two, _ = store.publish(write(tmp_path / "two", {"\u00e9.txt": "1"}))
    assert one == two


def test_two_spellings_of_a_name_in_one_folder_are_refused(store: Store, tmp_path: Path) -> None:
    """Whoever copies the folder to a Mac would lose one of them."""
    with pytest.raises(StepError, match="differ by the spelling of an accent alone"):
        store.publish(write(tmp_path / "accents", {"e\u0301.txt": "1", "\u00e9.txt": "2"}))
    with pytest.raises(StepError, match="differ by case alone"):
        store.publish(write(tmp_path / "both", {"E\u0301.txt": "1", "\u00e9.txt": "2"}))


def test_a_name_that_is_no_text_is_refused(store: Store, tmp_path: Path) -> None:
    folder = write(tmp_path / "bytes", {"a": "1"})
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.txt")).touch()
    with pytest.raises(StepError, match=r"`\\xff.txt` is no name in UTF-8") as caught:
        store.publish(folder, "a step")
    assert caught.value.problems[0].where == "a step"


def test_litter_of_file_managers_is_left_out(store: Store, tmp_path: Path) -> None:
    one, _ = store.publish(write(tmp_path / "one", {"a": "1", ".DS_Store": "x", "._a": "x", "Thumbs.db": "x"}))
    two, _ = store.publish(write(tmp_path / "two", {"a": "1"}))
    assert one == two


def test_links_pipes_and_names_that_differ_by_case_are_refused(store: Store, tmp_path: Path) -> None:
    (write(tmp_path / "link", {"a": "1"}) / "b").symlink_to("a")
    with pytest.raises(StepError, match="`b` is neither a file nor a folder"):
        store.publish(tmp_path / "link")
    os.mkfifo(write(tmp_path / "pipe", {"a": "1"}) / "b")
    with pytest.raises(StepError, match="`b` is neither"):
        store.publish(tmp_path / "pipe")
    with pytest.raises(StepError, match="`A` and `a` differ by case alone"):
        store.publish(write(tmp_path / "case", {"a": "1", "A": "2"}))
    (tmp_path / "top").symlink_to(tmp_path / "case")
    with pytest.raises(StepError, match="`top` is neither"):
        store.publish(tmp_path / "top")


names = st.text("abcé", min_size=1, max_size=3)
trees = st.dictionaries(
    names, st.one_of(st.binary(max_size=8), st.dictionaries(names, st.binary(max_size=4), max_size=3))
)


@settings(max_examples=25, deadline=None)
@given(trees)
def test_any_folder_comes_back_as_it_went_in(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, object]) -> None:
    folder = tmp_path_factory.mktemp("tree")
    with Store(folder / "store") as store:
        (folder / "in").mkdir()
        for name, content in tree.items():
            if isinstance(content, bytes):
                (folder / "in" / name).write_bytes(content)
            else:
                (folder / "in" / name).mkdir()
                for inner, data in content.items():  # type: ignore[attr-defined]
                    (folder / "in" / name / inner).write_bytes(data)
        built, _ = store.publish(folder / "in")
        store.put(built.digest, folder / "out")
    back = {
        path.name: path.read_bytes() if path.is_file() else {item.name: item.read_bytes() for item in path.iterdir()}
        for path in (folder / "out").iterdir()
    }
    assert back == tree


def test_the_first_writer_of_a_key_wins(store: Store) -> None:
    first = store.keep("k", Built("sha256:1", 1), cost=1, step=Say)
    assert store.keep("k", Built("sha256:2", 2), cost=1, step=Say) == first == Built("sha256:1", 1)
    assert store.action("k") == first
    assert store.action("other") is None


def test_a_refusal_comes_back_as_it_was(store: Store) -> None:
    declined = Declined(Refusal(kind="not applicable", by="tool", why="wörds", fix="f"))
    assert store.keep("k", declined, cost=0, step=Say) == declined


def test_history_keeps_the_present_and_the_one_before_per_workspace(store: Store) -> None:
    def last(key: str) -> Last:
        return Last(key, {"version": key}, "sha256:" + key, 1, time.time())

    for key in ("1", "2", "2", "3"):
        store.history.note("here", "step", last(key))
    store.history.note("there", "step", last("9"))
    assert [store.history.last("here", "step", age).key for age in (0, 1)] == ["3", "2"]  # type: ignore[union-attr]
    assert store.history.last("there", "step", 1) is None
    assert store.history.keys("here") == {"step": "3"}
    assert store.history.last("", "step").key == "9"  # type: ignore[union-attr]


def test_a_row_read_ahead_answers_once_and_not_after_it_was_replaced(store: Store) -> None:
    def keep(digest: str, replace: bool = False) -> None:
        with store.rows.transaction():
            store.keep("k", Built(digest, 1), cost=0, step=Say, replace=replace)

    keep("sha256:1")
    store.history.note("here", "step", Last("k", {}, "sha256:1", 1, time.time()))
    assert store.ahead.read("here", ["step", "other"]) == {"step": "k"}
    with Store(store.root) as other, other.rows.transaction():
        other.keep("k", Built("sha256:2", 1), cost=0, step=Say, replace=True)
    assert [store.action("k"), store.action("k")] == [Built("sha256:1", 1), Built("sha256:2", 1)]
    store.ahead.read("here", ["step"])
    keep("sha256:3", replace=True)
    assert store.action("k") == Built("sha256:3", 1)
    assert store.ahead.read("there", ["step"]) == {}


def test_a_glance_trusts_size_time_and_inode_and_removes_what_is_damaged(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("aaaa")
    built, stats = store.publish(tmp_path / "a")
    store.record(stats)
    assert store.glance(built.digest)
    place = store.blobs.place(built.digest)
    place.touch()
    assert store.glance(built.digest)
    place.chmod(0o644)
    place.write_text("bbbb")
    assert not store.glance(built.digest)
    assert not place.exists()


def test_a_store_of_a_newer_layout_is_left_alone(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.rows.run("PRAGMA user_version=99")
    with pytest.raises(StepError, match="written by a newer edgebuild"):
        Store(tmp_path)


def test_scratch_of_a_dead_build_goes_and_of_a_living_one_stays(store: Store) -> None:
    dead = store.root / "scratch" / "dead"
    dead.mkdir()
    dead.with_suffix(".lock").touch()
    with store.scratch() as living:
        with store.scratch():
            assert living.exists()
            assert not dead.exists()
        assert living.exists()
    assert list((store.root / "scratch").iterdir()) == []
