"""Rows held against what they said when they were written: SQLite does not notice a bit that a disk flipped."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

from edgebuild.core.records import digest_of
from edgebuild.core.wires import Refusal
from edgebuild.engine.outcomes import Built, Declined

ACTION = "SELECT key, outcome, digest, size, refusal, crc, used, cost, pinned FROM actions"
SEEN = "SELECT digest, files FROM seen WHERE prekey = ? ORDER BY created DESC"


def crc_of(*values: Any) -> int:
    """Of key, outcome, digest, size and refusal, whatever their types are by now."""
    return zlib.crc32("\n".join(map(str, values)).encode(errors="replace"))


def outcome_of(row: tuple[Any, ...]) -> Built | Declined | None:
    """What a row of `ACTION` says; None where it is not what was written."""
    _, outcome, digest, size, refusal, crc, *_ = row
    if crc != crc_of(*row[:5]):
        return None
    if outcome == "built":
        return Built(digest, size)
    try:
        return Declined(Refusal.model_validate_json(refusal))
    except ValueError:
        return None


def seen_sets_of(rows: Iterable[tuple[Any, ...]]) -> list[list[list[str]]]:
    """What rows of `SEEN` say, without those that are not what was written."""
    return [json.loads(files) for digest, files in rows if digest == digest_of(str(files).encode())]


def tree_digest(manifest: Any) -> str:
    """The name of a folder whose list of files this is."""
    return "tree:" + digest_of(str(manifest).encode(errors="replace")).removeprefix("sha256:")


def seconds(value: Any, now: float) -> float:
    """A time of a row, never later than now: a clock that was ahead says nothing of what comes; 0 where it is none."""
    return min(float(value), now) if isinstance(value, int | float) else 0.0
