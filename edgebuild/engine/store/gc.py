"""Room: what nobody needs goes first, then what is cheap to make again; what cannot be made again stays."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from edgebuild.engine.store.checked import ACTION, outcome_of, seconds
from edgebuild.engine.store.checkouts import CLOCK_S, DAY_S, WORKSPACE_DAYS
from edgebuild.engine.store.leftovers import clear_leftovers
from edgebuild.engine.store.locks import Waits, bump_generation, cleaning, silent
from edgebuild.engine.store.store import Store
from edgebuild.engine.store.writing import writing

CRASH_DAYS = 30
"""No note of a crash counts for so long."""


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
    current: bool
    """Part of the last build of a checkout that is known, as far as it is part of what is built there still. Of one
    that is gone, and may have another name by now, only what is pinned: its lock may name it."""


@dataclass
class _Sweep:
    """One cleaning."""

    store: Store
    rows: list[_Row]
    drop: set[str]
    """Keys of rows that go; from the start those that are damaged."""
    roots: set[str]
    """Digests that somebody names."""
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
    waits: Waits = silent,
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
        now = time.time()
        sweep = _Sweep(store, *_rows(store, now), set(roots))
        for row in sweep.rows:
            old = max_age_s is not None and row.used < now - max_age_s
            if old and not row.current and row.digest not in sweep.roots:
                sweep.drop.add(row.key)
        if max_size is not None:
            _shrink(sweep, max_size)
        return _carry_out(sweep, dry_run=dry_run)


def _rows(store: Store, now: float) -> tuple[list[_Row], set[str]]:
    """All that are what was written, and the keys of the others."""
    parts, pinned_parts, since = _parts(store)
    rows, damaged = [], set()
    for row in store.rows.all(ACTION):
        key, _, digest, size, *_, used, cost, pinned = row
        if not outcome_of(row):
            damaged.add(key)
            continue
        used = seconds(used, now)
        current = key in parts and used >= now - WORKSPACE_DAYS * DAY_S
        current = current or (bool(pinned) and (key in pinned_parts or used >= since))
        rows.append(_Row(key, digest, size, seconds(cost, math.inf), used, bool(pinned), current))
    return rows, damaged


def _parts(store: Store) -> tuple[set[str], set[str], float]:
    """Keys of the last builds of checkouts that are there, of those that are gone, and since when what is pinned stays.

    A spec built from elsewhere has no history of its own: where its folder is gone all that was used since its last
    build may be its.
    """
    there, gone = set[str](), set[str]()
    workspaces = store.checkouts.workspaces()
    for place in workspaces:
        (there if place.there else gone).update(store.history.keys(place.path).values())
    lost = [
        folder.seen
        for folder in store.checkouts.folders()
        if not folder.there and not any(place.holds(folder.path) for place in workspaces)
    ]
    return there, gone, min(lost, default=math.inf) - DAY_S


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
        store.rows.run("DELETE FROM settled")
        store.checkouts.forget()
        _drop_history(store)
        store.user_files.forget()
        store.rows.run("DELETE FROM crashes WHERE NOT created BETWEEN ? AND ?", *_lately(CRASH_DAYS))
        store.rows.run("DELETE FROM observations WHERE digest NOT IN (SELECT digest FROM actions)")
        store.rows.run_many("DELETE FROM blobs WHERE digest = ?", [(digest,) for digest in gone])
        _drop_trees(sweep)
    _throw_away(store, gone)
    found.logs = clear_leftovers(store)
    return found


def _throw_away(store: Store, gone: list[str]) -> None:
    trash = store.root / "trash"
    with writing(store.root):
        trash.mkdir(mode=0o700, exist_ok=True)
        for digest in gone:
            with suppress(FileNotFoundError):
                os.rename(store.blobs.where(digest), trash / digest.rpartition(":")[2])  # noqa: PTH104
    shutil.rmtree(trash, ignore_errors=True)


def _drop_history(store: Store) -> None:
    """Of checkouts that are unknown by now, and of labels that left their specs long ago."""
    rows, long_ago = store.rows, time.time() - WORKSPACE_DAYS * DAY_S
    rows.run("UPDATE actions SET used = ?1 WHERE used > ?1 + ?2", time.time(), CLOCK_S)
    rows.run("DELETE FROM history WHERE workspace != '' AND workspace NOT IN (SELECT path FROM workspaces)")
    recent = "SELECT key FROM actions WHERE used >= ?1"
    rows.run(f"DELETE FROM history WHERE created < ?1 AND key NOT IN ({recent})", long_ago)  # noqa: S608


def _lately(days: float) -> tuple[float, float]:
    return time.time() - days * DAY_S, time.time() + CLOCK_S


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
