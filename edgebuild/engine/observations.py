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

    Args:
        store: where the runs are.
        sitting: what is about to be observed.
        folder: empty, for the earlier outputs.
        fresh: whether they are to be left out.
        max_age: seconds after which one does not count any more.
    """
    rows = store.rows.all(
        "SELECT digest, replaced OR created <= ? FROM observations WHERE condition = ? ORDER BY number DESC",
        *(time.time() - max_age if max_age is not None else 0.0, sitting.condition),
    )
    standing = [] if fresh else [digest for digest, gone in rows if not gone]
    paths: list[Path] = []
    for number, digest in enumerate(standing[:REMEMBERED]):
        if store.verify(digest):
            path = folder / str(number)
            store.put(digest, path)
            paths.append(path)
    return Observed(subjects=sitting.subjects, earlier=tuple(paths), times=len(rows))


def keep(store: Store, sitting: Sitting, digest: str, *, fresh: bool) -> None:
    """Add a run that counts, inside the caller's transaction; a fresh one replaces all before it."""
    if fresh:
        store.rows.run("UPDATE observations SET replaced = 1 WHERE condition = ?", sitting.condition)
    store.rows.run(
        "INSERT INTO observations (condition, subjects, digest, created, replaced) VALUES (?, ?, ?, ?, 0)",
        *(sitting.condition, json.dumps(sitting.subjects), digest, time.time()),
    )


def plain(observed: Observed) -> dict[str, Any]:
    """As a job holds it."""
    return {
        "subjects": observed.subjects,
        "earlier": [str(path) for path in observed.earlier],
        "times": observed.times,
    }
