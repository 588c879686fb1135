"""The store: bytes by digest, and rows that say which key gave which bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from edgebuild import stamps
from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.step import Step
from edgebuild.core.wires import Refusal
from edgebuild.engine.outcomes import Built, Declined
from edgebuild.engine.store.blobs import Blobs
from edgebuild.engine.store.contents import Contents, Entry
from edgebuild.engine.store.files import UserFiles
from edgebuild.engine.store.history import History
from edgebuild.engine.store.layers import Layer
from edgebuild.engine.store.place import NETWORK, file_system, open_to_others, state_folder
from edgebuild.engine.store.rows import open_rows
from edgebuild.engine.store.scratch import scratch_folder
from edgebuild.errors import Problem, StepError


def default_root() -> Path:
    """`$XDG_CACHE_HOME/edgebuild`, or `~/.cache/edgebuild`."""
    return Path(stamps.default_root())


DAY_S = 86400.0
ACTION = "SELECT outcome, digest, size, refusal, used FROM actions WHERE key = ?"


class Store(Contents):
    """One folder, shared by all specs of a user and by builds that run at once."""

    def __init__(
        self, root: Path | None = None, layers: Sequence[Path] = (), mounted: list[tuple[str, str]] | None = None
    ) -> None:
        """Open, or make, a store.

        Args:
            root: its folder; the user's own where None.
            layers: sealed stores that are looked up behind it.
            mounted: mount points with their file systems; those of this machine where None.

        Raises:
            StepError: it cannot be written, its table is too new, or a layer cannot be read.
        """
        self.root = (root or default_root()).absolute()
        self._day, self._used = time.time() - DAY_S, list[str]()
        self.notes: list[str] = []
        """What a person should know of this store."""
        try:
            self._make()
            self.state = self._place(mounted)
            """Where tables and locks lie: a folder of this host."""
        except OSError as error:
            what = f"The store cannot be written ({error.strerror})."
            fix = "Give another with `--store`; one that can only be read goes into EDGEBUILD_STORE_LAYERS."
            raise StepError(Problem(str(self.root), what, fix)) from error
        rows, note = open_rows(self.state / "rows.sqlite")
        self.notes += [note] if note else []
        super().__init__(Blobs(self.root / "blobs"), rows)
        self.layers = [Layer(Path(layer).absolute()) for layer in layers]
        self.blobs.behind = [layer.blobs for layer in self.layers]
        self.history, self.user_files = History(self.rows), UserFiles(self.rows)

    def _make(self) -> None:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("blobs", "scratch", "logs", "leases"):
            (self.root / name).mkdir(mode=0o700, exist_ok=True)
        if open_to_others(self.root):
            self.notes.append(
                f"{self.root} can be written by others, who could plant results there: `chmod 700 {self.root}`."
            )

    def _place(self, mounted: list[tuple[str, str]] | None) -> Path:
        kind = file_system(self.root, mounted)
        if kind not in NETWORK:
            return self.root
        state = state_folder(self.root)
        (state / "leases").mkdir(mode=0o700, parents=True, exist_ok=True)
        self.notes.append(f"{self.root} lies on {kind}, where locks do not hold: its tables are in {state}.")
        return state

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the table."""
        self.rows.close()
        for layer in self.layers:
            layer.close()

    # -- actions -------------------------------------------------------------------------------------------------

    def action(self, key: str) -> Built | Declined | None:
        """What that key gave, if it was ever run to its end."""
        row = self.rows.one(ACTION, key)
        if row is None:
            row = next(filter(None, (layer.one(ACTION, key) for layer in self.layers)), None)
        elif row[4] < self._day:
            self._used.append(key)
        if row is None:
            return None
        if row[0] == "refused":
            return Declined(Refusal.model_validate_json(row[3]))
        return Built(row[1], row[2])

    def keep(
        self, key: str, outcome: Built | Declined, *, cost: float, step: type[Step], replace: bool = False
    ) -> Built | Declined:
        """Store what a key gave, inside the caller's transaction; the first writer wins.

        Returns:
            What the store holds now, which the caller adopts.
        """
        built = outcome if isinstance(outcome, Built) else None
        refusal = outcome.refusal.model_dump_json() if isinstance(outcome, Declined) else ""
        self.rows.run(
            f"INSERT OR {'REPLACE' if replace else 'IGNORE'} INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            key,
            "built" if built else "refused",
            built.digest if built else "",
            built.size if built else 0,
            refusal,
            cost,
            time.time(),
            step.kind(),
            not step.deterministic,
            time.time(),
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
        own = [json.loads(row[0]) for row in rows]
        return own + [found for layer in self.layers for found in layer.seen_sets(prekey)]

    def tree(self, digest: str) -> tuple[Entry, ...]:
        """The direct children of a folder, by name; of a layer where it is not of our own.

        Raises:
            KeyError: no such folder was ever stored.
        """
        try:
            return super().tree(digest)
        except KeyError:
            for layer in self.layers:
                row = layer.one("SELECT manifest FROM trees WHERE digest = ?", digest)
                if row:
                    self.rows.run("INSERT INTO trees VALUES (?, ?) ON CONFLICT DO NOTHING", digest, row[0])
                    return super().tree(digest)
            raise

    def keep_seen(self, prekey: str, key: str, files: list[list[str]]) -> None:
        """Store one such set and the key it leads to, inside the caller's transaction."""
        text = canonical_json(files)
        self.rows.run(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)",
            *(prekey, digest_of(text), text.decode(), key, time.time()),
        )

    # -- use -----------------------------------------------------------------------------------------------------

    def register(self, workspace: str) -> None:
        """Remember a checkout, whose last builds `gc` spares, and which rows were used; once a day for each."""
        now = time.time()
        row = self.rows.one("SELECT seen FROM workspaces WHERE path = ?", workspace) if workspace else (now,)
        if row is not None and row[0] >= self._day and not self._used:
            return
        with self.rows.transaction():
            if workspace:
                self.rows.run("INSERT OR REPLACE INTO workspaces VALUES (?, ?)", workspace, now)
            self.rows.run_many("UPDATE actions SET used = ? WHERE key = ?", [(now, key) for key in self._used])
        self._used.clear()

    def scratch(self) -> AbstractContextManager[Path]:
        """A private folder for one build; those of dead builds are removed."""
        return scratch_folder(self.root, self.state)
