"""Runs that observed several things under one condition: found again by what they contain, not by their key alone."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.step import Observed, Step
from edgebuild.core.wires import unwired
from edgebuild.engine.orders import Order
from edgebuild.engine.store import Store

REMEMBERED = 4
"""Earlier runs that a new one is shown, the newest first."""

SINCE = "since"
"""File in which an output of several observations says when the oldest was made, in seconds since 1970."""

AHEAD_S = 60.0
"""Clocks of one machine differ by less."""
STANDS, REPLACED, REPEATS, DUE = range(4)
"""What a run is worth: it counts; a fresh one took its place; it repeats others; it is to be taken again."""


@dataclass(frozen=True)
class Sitting:
    """What a step that observes is about to observe."""

    condition: str
    """Digest of all that decides the numbers but what is observed: kind, version, options, tools, machine, inputs."""
    subjects: tuple[str, ...]
    """Identity of each thing that is observed, in the order of the step's field."""

    @classmethod
    def of(cls, order: Order) -> Sitting | None:
        """None for a step that observes nothing."""
        step, field = order.step, type(order.step).subjects
        if not field:
            return None
        names = order.parts["inputs"]
        inputs = {place: name for place, name in names.items() if not place.startswith(f"{field}[")}
        parameters = {name: value for name, value in order.parts["parameters"].items() if name != field}
        rest = [order.parts[name] for name in ("kind", "version", "tools")]
        condition = digest_of(canonical_json([*rest, parameters, inputs, order.parts.get("platform")]))
        return cls(condition, tuple(_identities(step, field, names)))


def _identities(step: Step, field: str, names: dict[str, str]) -> list[str]:
    found = []
    for number, item in enumerate(getattr(step, field)):
        mine = {place: name for place, name in names.items() if place.startswith(f"{field}[{number}]")}
        # Without the number: the same thing is the same wherever it stands in the list.
        content = [unwired(item), sorted((place.partition("]")[2], name) for place, name in mine.items())]
        found.append(digest_of(canonical_json(content)).removeprefix("sha256:")[:32])
    return found


def earlier(store: Store, sitting: Sitting, folder: Path, *, fresh: bool, max_age: float | None) -> Observed:
    """What a running step is told: its subjects, and the outputs of earlier runs under its condition.

    Those that do not count are among them: the step tells them apart, and need not try again at once.

    Args:
        store: where the runs are.
        sitting: what is about to be observed.
        folder: empty, for the earlier outputs.
        fresh: whether they are to be left out.
        max_age: seconds after which one does not count any more; the step looks at the age of each run in it.
    """
    rows = store.rows.all(
        "SELECT digest, replaced, created FROM observations WHERE condition = ? ORDER BY number DESC", sitting.condition
    )
    now = time.time()
    # Of a run that a clock dated ahead of now nobody knows how old it is.
    oldest, newest = (now - max_age, now + AHEAD_S) if max_age is not None else (0.0, float("inf"))
    shown = [digest for digest, mark, created in rows if mark in (STANDS, DUE) and oldest < created <= newest]
    shown = [] if fresh else shown
    paths: list[Path] = []
    for number, digest in enumerate(dict.fromkeys(shown[:REMEMBERED])):
        if store.verify(digest):
            path = folder / str(number)
            store.put(digest, path)
            paths.append(path)
    times = sum(mark in (STANDS, REPLACED) for _, mark, _ in rows)
    return Observed(subjects=sitting.subjects, earlier=tuple(paths), times=times)


def keep(
    store: Store, sitting: Sitting, digest: str, *, fresh: bool, repeats: bool = False, only_now: bool = False
) -> None:
    """Add a run, inside the caller's transaction and after its row was kept; a fresh one that counts replaces all.

    Args:
        store: where it goes.
        sitting: what was observed.
        digest: of the output.
        fresh: whether earlier runs are not to count any more.
        repeats: whether it holds nothing but what earlier runs held.
        only_now: whether it does not count, and is to be taken again.
    """
    mark = DUE if only_now else REPEATS if repeats else STANDS
    if fresh and mark == STANDS:
        _replace_all(store, sitting.condition, digest)
    known = "SELECT 1 FROM observations WHERE condition = ? AND digest = ? AND replaced = ?"
    if store.rows.one(known, sitting.condition, digest, mark) is None:
        store.rows.run(
            "INSERT INTO observations (condition, subjects, digest, created, replaced) VALUES (?, ?, ?, ?, ?)",
            *(sitting.condition, json.dumps(sitting.subjects), digest, time.time(), mark),
        )
    since = _since(store, digest)
    if since is not None:
        # Put together now from what was observed then: it is as old as the oldest of that.
        store.rows.run("UPDATE actions SET created = ? WHERE digest = ? AND created > ?", since, digest, since)


def _replace_all(store: Store, condition: str, by: str) -> None:
    """Earlier runs stand no more, and no key that led to one of them leads there any more."""
    of_them = "SELECT digest FROM observations WHERE condition = ?"
    store.rows.run(f"DELETE FROM actions WHERE digest != ? AND digest IN ({of_them})", by, condition)  # noqa: S608
    store.rows.run("DELETE FROM observations WHERE condition = ? AND replaced IN (?, ?)", condition, REPEATS, DUE)
    store.rows.run("UPDATE observations SET replaced = ? WHERE condition = ?", REPLACED, condition)


def _since(store: Store, digest: str) -> float | None:
    """When the oldest observation in an output was made, where the output says so."""
    try:
        member = store.member(digest, SINCE)
        return float(store.blobs.place(member.digest).read_text(encoding="ascii"))
    except (KeyError, OSError, ValueError):
        return None


def plain(observed: Observed) -> dict[str, Any]:
    """As a job holds it."""
    return {
        "subjects": observed.subjects,
        "earlier": [str(path) for path in observed.earlier],
        "times": observed.times,
    }
