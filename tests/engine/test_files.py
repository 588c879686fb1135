"""Digests of the user's files: when they are read again, and when they are distrusted."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.core.records import digest_of
from edgebuild.engine.store import Store, files
from edgebuild.engine.store.checked import crc_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as store:
        yield store


@pytest.fixture
def forged(store: Store, tmp_path: Path) -> Path:
    """A file with other bytes than are known of it, and the very stamps that are known: as after a write through a
    mapping, or on a disk that returns other bytes."""
    file = tmp_path / "forged"
    file.write_text("old")
    time.sleep(2.1)
    assert store.user_files.digest(file) == digest_of(b"old")
    stamp = file.stat()
    file.write_text("new")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    time.sleep(2.1)
    now = file.stat()
    crc = crc_of(
        now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns, digest_of(b"old")
    )  # fmt: skip
    store.rows.run("UPDATE stats SET ctime = ?, crc = ?", now.st_ctime_ns, crc)
    return file


def test_an_old_file_is_digested_once_and_a_young_one_each_time(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a")
    store.user_files.digest(file)
    assert store.rows.one("SELECT count(*) FROM stats") == (0,)
    time.sleep(2.1)
    digest = store.user_files.digest(file)
    assert store.rows.one("SELECT count(*) FROM stats") == (1,)
    assert store.user_files.digest(file) == digest


def test_an_edit_with_the_old_size_and_time_is_seen(store: Store, tmp_path: Path) -> None:
    """cp -p, rsync -t and touch -r restore the mtime; the change time tells."""
    file = tmp_path / "a"
    file.write_text("a")
    time.sleep(2.1)
    before, stamp = store.user_files.digest(file), file.stat()
    file.write_text("b")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert store.user_files.digest(file) != before


def test_bytes_that_changed_behind_all_stamps_are_found_by_who_distrusts_them(store: Store, forged: Path) -> None:
    assert store.user_files.digest(forged) == digest_of(b"old")
    with Store(store.root, rehash=True) as distrustful:
        assert distrustful.user_files.digest(forged) == digest_of(b"new")
    # And by all others from then on.
    assert store.user_files.digest(forged) == digest_of(b"new")


def test_who_distrusts_what_is_known_reads_each_file_once(
    store: Store, forged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def reading(path: Path) -> str:
        read.append(path)
        return digest_of(path.read_bytes())

    monkeypatch.setattr(files, "file_digest", reading)
    with Store(store.root, rehash=True) as distrustful:
        for _ in range(3):
            distrustful.user_files.digest(forged)
        assert read == [forged]
        forged.write_text("newer")
        assert distrustful.user_files.digest(forged) == digest_of(b"newer")


def test_what_is_distrusted_and_too_young_to_be_known_is_not_known_afterwards(store: Store, forged: Path) -> None:
    forged.write_text("edited")
    with Store(store.root, rehash=True) as distrustful:
        assert distrustful.user_files.digest(forged) == digest_of(b"edited")
    assert store.rows.one("SELECT count(*) FROM stats") == (0,)


@pytest.mark.parametrize("damage", ["digest = replace(digest, 'a', 'b')", "digest = x'00'", "used = 'x'", "crc = 0"])
def test_a_damaged_row_is_read_anew(damage: str, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a")
    time.sleep(2.1)
    for _ in range(2):
        assert store.user_files.digest(file) == digest_of(b"a")
        store.rows.run(f"UPDATE stats SET {damage}")
