"""The store: bytes by digest, and rows that say which key gave which bytes."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from edgebuild import stamps
from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.wires import Refusal
from edgebuild.engine.outcomes import Built, Declined
from edgebuild.engine.store.blobs import Blobs
from edgebuild.engine.store.contents import Contents
from edgebuild.engine.store.files import UserFiles
from edgebuild.engine.store.history import History
from edgebuild.engine.store.rows import Rows
from edgebuild.engine.store.scratch import scratch_folder
from edgebuild.errors import Problem, StepError


def default_root() -> Path:
    """`$XDG_CACHE_HOME/edgebuild`, or `~/.cache/edgebuild`."""
    return Path(stamps.default_root())


class Store(Contents):
    """One folder, shared by all specs of a user and by builds that run at once."""

    def __init__(self, root: Path | None = None) -> None:
        """Open, or make, a store.

        Raises:
            StepError: it cannot be written, or its table is damaged or too new.
        """
        self.root = (root or default_root()).absolute()
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in ("blobs", "scratch", "logs"):
                (self.root / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            what = f"The store cannot be written ({error.strerror})."
            raise StepError(Problem(str(self.root), what, "Give another with `--store`.")) from error
        super().__init__(Blobs(self.root / "blobs"), Rows(self.root / "rows.sqlite"))
        self.history, self.user_files = History(self.rows), UserFiles(self.rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the table."""
        self.rows.close()

    # -- actions -------------------------------------------------------------------------------------------------

    def action(self, key: str) -> Built | Declined | None:
        """What that key gave, if it was ever run to its end."""
        row = self.rows.one("SELECT outcome, digest, size, refusal FROM actions WHERE key = ?", key)
        if row is None:
            return None
        if row[0] == "refused":
            return Declined(Refusal.model_validate_json(row[3]))
        return Built(row[1], row[2])

    def keep(
        self, key: str, outcome: Built | Declined, *, cost: float, step: str, replace: bool = False
    ) -> Built | Declined:
        """Store what a key gave, inside the caller's transaction; the first writer wins.

        Returns:
            What the store holds now, which the caller adopts.
        """
        built = outcome if isinstance(outcome, Built) else None
        refusal = outcome.refusal.model_dump_json() if isinstance(outcome, Declined) else ""
        self.rows.run(
            f"INSERT OR {'REPLACE' if replace else 'IGNORE'} INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            key,
            "built" if built else "refused",
            built.digest if built else "",
            built.size if built else 0,
            refusal,
            cost,
            time.time(),
            step,
        )
        return self.action(key) or outcome

    def created(self, key: str) -> float | None:
        """When that key was run, in seconds since 1970."""
        row = self.rows.one("SELECT created FROM actions WHERE key = ?", key)
        return float(row[0]) if row else None

    def cost(self, key: str) -> float | None:
        """Seconds the key's step took when it ran."""
        row = self.rows.one("SELECT cost FROM actions WHERE key = ?", key)
        return float(row[0]) if row else None

    def seen_sets(self, prekey: str) -> list[list[list[str]]]:
        """Sets of `[path, digest]` that user code under this key was seen to read, the newest first."""
        rows = self.rows.all("SELECT files FROM seen WHERE prekey = ? ORDER BY created DESC", prekey)
        return [json.loads(row[0]) for row in rows]

    def keep_seen(self, prekey: str, files: list[list[str]]) -> None:
        """Store one such set, inside the caller's transaction."""
        text = canonical_json(files)
        self.rows.run(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", prekey, digest_of(text), text.decode(), time.time()
        )

    def scratch(self) -> AbstractContextManager[Path]:
        """A private folder for one build; those of dead builds are removed."""
        return scratch_folder(self.root)
