"""Crashes that were seen twice: what need not be tried again until something is another."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

from edgebuild.engine.keys import platform
from edgebuild.engine.orders import Order
from edgebuild.engine.store import Store
from edgebuild.errors import Problem

EXPIRY_S = 7 * 86400.0
AHEAD_S = 60.0
"""Clocks of one machine differ by less."""
ENOUGH = 2
"""One crash may be chance."""


class Crash(NamedTuple):
    """What is remembered of a key."""

    reason: str
    log: str
    times: int
    created: float

    def problem(self, order: Order) -> Problem:
        """For a person."""
        days = (time.time() - self.created) / 86400
        when = "today" if days < 1 else f"{days:.0f} days ago"
        what = f"{self.reason} It did so {self.times} times, the last time {when}, and is not run again."
        return Problem(order.label, what, "`edgebuild build --retry` runs it again.")


def known(store: Store, key: str, limits: str) -> Crash | None:
    """A crash that was seen often enough under the same limits, not too long ago."""
    row = store.rows.one("SELECT reason, log, times, created, limits FROM crashes WHERE key = ?", key)
    if row is None or row[4] != limits or not _whole(row) or row[2] < ENOUGH:
        return None
    return Crash(*row[:4])


def _whole(row: tuple[Any, ...]) -> bool:
    """Whether a row is what was written, not long ago and not by a clock that was ahead."""
    times, created, now = row[2], row[3], time.time()
    if not (isinstance(times, int) and isinstance(created, int | float)):
        return False
    return now - EXPIRY_S < created <= now + AHEAD_S


def note(store: Store, key: str, limits: str, reason: str, log: str) -> None:
    """Count one more; another reason or other limits begin anew."""
    row = store.rows.one("SELECT reason, log, times, created, limits FROM crashes WHERE key = ?", key)
    same = row and _whole(row) and row[0] == reason and row[4] == limits
    times = int(row[2]) + 1 if row and same else 1
    store.rows.run(
        "INSERT OR REPLACE INTO crashes VALUES (?, ?, ?, ?, ?, ?)", key, limits, reason, log, times, time.time()
    )


def forget(store: Store, key: str) -> None:
    """The step has ended well."""
    store.rows.run("DELETE FROM crashes WHERE key = ?", key)


def limits_of(order: Order, memory: int | None) -> str:
    """What a crash may depend on besides the key: time, memory in steps of 1 GB, the machine."""
    room = None if memory is None else round(memory / 1e9)
    return json.dumps([type(order.step).timeout_s, room, platform()], sort_keys=True)
