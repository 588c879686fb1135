"""Every byte of a store against its name."""

from __future__ import annotations

from dataclasses import dataclass

from edgebuild.engine.store.checked import ACTION, outcome_of, tree_digest
from edgebuild.engine.store.locks import Waits, building, bump_generation, silent
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
    results: int
    """Rows that say something else than was written, removed: their steps run again."""
    absent: tuple[str, ...]
    """Kinds of steps with an output whose bytes are not there, each once; valid names, made again when needed."""
    table: str
    """What SQLite says of the table; `ok`."""

    @property
    def sound(self) -> bool:
        """Whether nothing was damaged."""
        return not (self.damaged or self.manifests or self.results) and self.table == "ok"


def verify_store(store: Store, waits: Waits = silent) -> Verified:
    """Read all bytes while builds may run; what is damaged is removed, and nothing else is changed.

    Args:
        store: to be read.
        waits: called once where it is being cleaned.

    Raises:
        StepError: the table cannot be read, or the store cannot be written.
    """
    with building(store.state, waits):
        count = size = 0
        damaged: list[str] = []
        for digest, bytes_ in sorted(store.blobs.every()):
            count, size = count + 1, size + bytes_
            if store.blobs.damaged(digest):
                damaged.append(digest)
        manifests = store.rows.all("SELECT digest, manifest FROM trees")
        wrong = [digest for digest, text in manifests if tree_digest(text) != digest]
        results = [row[0] for row in store.rows.all(ACTION) if outcome_of(row) is None]
        if damaged or wrong or results:
            _remove(store, damaged, wrong, results)
        table = store.rows.one("PRAGMA integrity_check")
        state = str(table[0] if table else "unreadable")
        return Verified(count, size, tuple(damaged), tuple(wrong), len(results), absent(store), state)


def _remove(store: Store, blobs: list[str], manifests: list[str], results: list[str]) -> None:
    bump_generation(store.root)
    for digest in blobs:
        store.blobs.drop(digest)
    store.rows.run_many("DELETE FROM trees WHERE digest = ?", [(digest,) for digest in manifests])
    store.rows.run_many("DELETE FROM actions WHERE key = ?", [(key,) for key in results])


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
