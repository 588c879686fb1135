"""What each step was the last time in each checkout, and what it was before it became that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from edgebuild.core.records import canonical_json
from edgebuild.engine.store.rows import Rows


@dataclass(frozen=True)
class Last:
    """What a step of that name was the last time, in one workspace."""

    key: str
    parts: dict[str, Any]
    digest: str
    size: int
    created: float


class History:
    """Rows by workspace and label; a comfort for `why` and `plan`, never a reason to run or not."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def keys(self, workspace: str) -> dict[str, str]:
        """Label to key, as of the last build of a workspace."""
        return dict(self.rows.all("SELECT label, key FROM history WHERE workspace = ? AND age = 0", workspace))

    def last(self, workspace: str, label: str, age: int = 0) -> Last | None:
        """What the step of that name is (age 0), and what it was before it became that (age 1).

        Args:
            workspace: name of the checkout; any, the newest first, where empty.
            label: name of the step.
            age: 0 or 1.
        """
        row = self.rows.one(
            "SELECT key, parts, digest, size, created FROM history "
            "WHERE label = ? AND age = ? AND (workspace = ? OR ? = '') ORDER BY created DESC LIMIT 1",
            label,
            age,
            workspace,
            workspace,
        )
        try:
            return Last(row[0], dict(json.loads(row[1])), row[2], row[3], float(row[4])) if row else None
        except (TypeError, ValueError):
            # Damaged: nothing is known.
            return None

    def note(self, workspace: str, label: str, last: Last) -> None:
        """Remember what a step of that name is now, and what it was before; inside the caller's transaction."""
        known = self.rows.one(
            "SELECT key FROM history WHERE workspace = ? AND label = ? AND age = 0", workspace, label
        )  # fmt: skip
        if known and known[0] != last.key:
            self.rows.run("DELETE FROM history WHERE workspace = ? AND label = ? AND age = 1", workspace, label)
            self.rows.run("UPDATE history SET age = 1 WHERE workspace = ? AND label = ? AND age = 0", workspace, label)
        parts = canonical_json(last.parts).decode()
        self.rows.run(
            "INSERT OR REPLACE INTO history VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
            *(workspace, label, last.key, parts, last.digest, last.size, last.created),
        )
