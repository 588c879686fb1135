"""How much memory each kind of step was seen to take: what is started beside others must fit."""

from __future__ import annotations

from edgebuild.engine.store import Store

UNKNOWN_BYTES = 400_000_000
"""Of a step that never ran here: a runtime with a small model."""


class Peaks:
    """The most memory each kind of step had at once, learned from its runs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        rows = store.rows.all("SELECT step, bytes FROM peaks")
        self._known: dict[str, int] = {str(step): peak for step, peak in rows if isinstance(peak, int) and peak > 0}

    def of(self, kind: str) -> int:
        """Bytes that a step is expected to take."""
        return self._known.get(kind, UNKNOWN_BYTES)

    def learn(self, kind: str, peak: int) -> None:
        """Follow upwards at once, and downwards slowly: models differ."""
        known = self._known.get(kind)
        new = peak if known is None or peak > known else int(0.9 * known + 0.1 * peak)
        if known is None or abs(new - known) > 0.05 * known:
            self._known[kind] = new
            self._store.rows.run("INSERT OR REPLACE INTO peaks VALUES (?, ?)", kind, new)
