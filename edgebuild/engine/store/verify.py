"""Every byte of a store against its name."""

from __future__ import annotations

import os
from dataclasses import dataclass

from edgebuild.core.records import digest_of
from edgebuild.engine.store.locks import bump_generation
from edgebuild.engine.store.store import Store


@dataclass(frozen=True)
class Verified:
    """What was found."""

    blobs: int
    bytes: int
    damaged: tuple[str, ...]
    """Digests of blobs with other bytes, removed: they are made again when something needs them."""
    manifests: tuple[str, ...]
    """Digests of folders whose list of files is not what it was; removed too."""
    absent: tuple[str, ...]
    """Kinds of steps with an output whose bytes are not there, each once; valid names, made again when needed."""
    table: str
    """What SQLite says of the table; `ok`."""

    @property
    def sound(self) -> bool:
        """Whether nothing was damaged."""
        return not (self.damaged or self.manifests) and self.table == "ok"


def verify_store(store: Store) -> Verified:
    """Read all bytes; what is damaged is removed, and nothing else is changed.

    Raises:
        StepError: the table cannot be read.
    """
    count = size = 0
    damaged: list[str] = []
    for digest, bytes_ in sorted(store.blobs.every()):
        count, size = count + 1, size + bytes_
        if not store.blobs.sound(digest) and os.path.lexists(store.blobs.where(digest)):
            damaged.append(digest)
    rows = store.rows.all("SELECT digest, manifest FROM trees")
    wrong = [digest for digest, text in rows if "tree:" + digest_of(text.encode()).removeprefix("sha256:") != digest]
    if damaged or wrong:
        bump_generation(store.root)
        for digest in damaged:
            store.blobs.drop(digest)
        store.rows.run_many("DELETE FROM trees WHERE digest = ?", [(digest,) for digest in wrong])
    table = store.rows.one("PRAGMA integrity_check")
    return Verified(count, size, tuple(damaged), tuple(wrong), absent(store), str(table[0] if table else "unreadable"))


def absent(store: Store) -> tuple[str, ...]:
    """Kinds of steps with rows that are names alone."""
    found = set()
    for step, digest in store.rows.all("SELECT step, digest FROM actions WHERE outcome = 'built'"):
        try:
            there = all(store.blobs.stat(line.digest) for _, line in store.files(digest))
        except KeyError:
            there = False
        if not there:
            found.add(step)
    return tuple(sorted(found))
