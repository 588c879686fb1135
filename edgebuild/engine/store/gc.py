"""Room: what nobody needs goes first, then what is cheap to make again; what cannot be made again stays."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from edgebuild.engine.store.leftovers import clear_leftovers
from edgebuild.engine.store.locks import bump_generation, cleaning
from edgebuild.engine.store.store import DAY_S, Store

WORKSPACE_DAYS = 90
"""A checkout that was not built for so long, or is gone, keeps nothing alive."""


@dataclass
class Swept:
    """What went."""

    rows: int = 0
    blobs: int = 0
    bytes: int = 0
    logs: int = 0
    left_bytes: int = 0
    """What the store still holds."""


@dataclass
class _Row:
    """One action, as the cleaning looks at it."""

    key: str
    digest: str
    size: int
    cost: float
    used: float
    pinned: bool
    """Its step makes other bytes each time, or measures."""
    current: bool = False
    """Part of the last build of a checkout that is known."""


@dataclass
class _Sweep:
    """One cleaning."""

    store: Store
    rows: list[_Row]
    roots: set[str]
    """Digests that somebody names."""
    drop: set[str] = field(default_factory=set)
    """Keys of rows that go."""
    bare: set[str] = field(default_factory=set)
    """Keys of rows that stay as names, without their bytes."""

    def blobs_of(self, digest: str) -> Iterator[tuple[str, int]]:
        with suppress(KeyError):
            for _, line in self.store.files(digest):
                yield line.digest, line.size

    def live(self) -> set[str]:
        """Digests of all blobs that stay."""
        kept = [row.digest for row in self.rows if row.key not in self.drop and row.key not in self.bare]
        return {blob for digest in (*kept, *self.roots) for blob, _ in self.blobs_of(digest)}


def gc(
    store: Store,
    *,
    max_size: int | None = None,
    max_age_s: float | None = None,
    roots: Iterable[str] = (),
    dry_run: bool = False,
    waits: Callable[[], None] = lambda: None,
) -> Swept:
    """Clean a store while no build runs.

    Bytes that no row names always go, and so do rows that no build of a known checkout used for `max_age_s`. Above
    `max_size` more goes: first what no known checkout needs, the longest unused first, then bytes of what is needed but
    cheap to make again. What a lock names, and outputs in use that would come out differently, stay.

    Args:
        store: to be cleaned.
        max_size: bytes; no limit where None.
        max_age_s: seconds since a row was last used; no limit where None.
        roots: digests that must stay, `sha256:…` or `tree:…`.
        dry_run: only say what would go.
        waits: called once where it has to wait for a build to end.

    Raises:
        StepError: the store cannot be written.
    """
    with cleaning(store.state, waits):
        if not dry_run:
            bump_generation(store.root)
        sweep = _Sweep(store, _rows(store), set(roots))
        now = time.time()
        for row in sweep.rows:
            old = max_age_s is not None and row.used < now - max_age_s
            if old and not row.current and row.digest not in sweep.roots:
                sweep.drop.add(row.key)
        if max_size is not None:
            _shrink(sweep, max_size)
        return _carry_out(sweep, dry_run=dry_run)


def _rows(store: Store) -> list[_Row]:
    now = time.time()
    known = [
        path
        for path, seen in store.rows.all("SELECT path, seen FROM workspaces")
        if seen > now - WORKSPACE_DAYS * DAY_S and Path(path).is_dir()
    ]
    current = {
        key
        for path in known
        for (key,) in store.rows.all("SELECT key FROM history WHERE workspace = ? AND age = 0", path)
    }
    found = store.rows.all("SELECT key, digest, size, cost, used, pinned FROM actions")
    return [
        _Row(key, digest, size, cost, used, bool(pinned), key in current)
        for key, digest, size, cost, used, pinned in found
    ]


def _shrink(sweep: _Sweep, max_size: int) -> None:
    """Choose rows until what stays is small enough, or nothing more may go."""
    sizes = dict(sweep.store.blobs.every())
    count: dict[str, int] = {}
    parts = {row.key: {blob for blob, _ in sweep.blobs_of(row.digest)} for row in sweep.rows if row.digest}
    staying = [row for row in sweep.rows if row.key not in sweep.drop]
    for row in staying:
        for blob in parts.get(row.key, ()):
            count[blob] = count.get(blob, 0) + 1
    for digest in sweep.roots:
        for blob, _ in sweep.blobs_of(digest):
            count[blob] = count.get(blob, 0) + 1
    total = sum(sizes.get(blob, 0) for blob in count)
    free = [row for row in staying if not row.current and row.digest not in sweep.roots]
    cheap = [row for row in staying if row.current and not row.pinned and row.digest not in sweep.roots]
    free.sort(key=lambda row: row.used)
    cheap.sort(key=lambda row: row.cost / max(1, row.size))
    for row in (*free, *cheap):
        if total <= max_size:
            return
        (sweep.bare if row.current else sweep.drop).add(row.key)
        for blob in parts.get(row.key, ()):
            count[blob] -= 1
            if not count[blob]:
                total -= sizes.get(blob, 0)


def _carry_out(sweep: _Sweep, *, dry_run: bool) -> Swept:
    """Rows before blobs: what is cut short leaves bytes without a name, never a name that lies."""
    store, live, sizes = sweep.store, sweep.live(), dict(sweep.store.blobs.every())
    gone = [digest for digest in sizes if digest not in live]
    found = Swept(
        rows=len(sweep.drop),
        blobs=len(gone),
        bytes=sum(sizes[digest] for digest in gone),
        left_bytes=sum(size for digest, size in sizes.items() if digest in live),
    )
    if dry_run:
        return found
    with store.rows.transaction():
        store.rows.run_many("DELETE FROM actions WHERE key = ?", [(key,) for key in sweep.drop])
        store.rows.run("DELETE FROM seen WHERE key NOT IN (SELECT key FROM actions)")
        store.rows.run("DELETE FROM plans")
        store.rows.run("DELETE FROM workspaces WHERE seen < ?", time.time() - WORKSPACE_DAYS * DAY_S)
        store.rows.run("DELETE FROM history WHERE workspace != '' AND workspace NOT IN (SELECT path FROM workspaces)")
        store.rows.run("DELETE FROM observations WHERE digest NOT IN (SELECT digest FROM actions)")
        store.rows.run_many("DELETE FROM blobs WHERE digest = ?", [(digest,) for digest in gone])
        _drop_trees(sweep)
    trash = store.root / "trash"
    trash.mkdir(exist_ok=True)
    for digest in gone:
        with suppress(OSError):
            os.rename(store.blobs.where(digest), trash / digest.rpartition(":")[2])  # noqa: PTH104
    shutil.rmtree(trash, ignore_errors=True)
    found.logs = clear_leftovers(store)
    return found


def _drop_trees(sweep: _Sweep) -> None:
    """Manifests that no row and no root leads to."""
    needed: set[str] = set()
    waiting = [row.digest for row in sweep.rows if row.key not in sweep.drop] + list(sweep.roots)
    waiting += [digest for (digest,) in sweep.store.rows.all("SELECT digest FROM history WHERE age = 0")]
    while waiting:
        digest = waiting.pop()
        if digest.startswith("tree:") and digest not in needed:
            needed.add(digest)
            with suppress(KeyError):
                waiting += [line.digest for line in sweep.store.tree(digest)]
    every = [digest for (digest,) in sweep.store.rows.all("SELECT digest FROM trees")]
    stale = [(digest,) for digest in every if digest not in needed]
    sweep.store.rows.run_many("DELETE FROM trees WHERE digest = ?", stale)
