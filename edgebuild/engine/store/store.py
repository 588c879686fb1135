"""The store: bytes by digest, and rows that say which key gave which bytes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from edgebuild import stamps
from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.step import Step
from edgebuild.engine.outcomes import Built, Declined
from edgebuild.engine.store.blobs import Blobs
from edgebuild.engine.store.checked import ACTION, SEEN, crc_of, outcome_of, seconds, seen_sets_of, tree_digest
from edgebuild.engine.store.checkouts import CLOCK_S, DAY_S, Checkouts
from edgebuild.engine.store.contents import Contents
from edgebuild.engine.store.files import UserFiles
from edgebuild.engine.store.history import History
from edgebuild.engine.store.layers import Layer
from edgebuild.engine.store.locks import Waits, silent
from edgebuild.engine.store.place import NETWORK, file_system, make_private, open_to_others, state_folder
from edgebuild.engine.store.rows import open_rows
from edgebuild.engine.store.scratch import scratch_folder
from edgebuild.engine.store.writing import writing


def default_root() -> Path:
    """`$XDG_CACHE_HOME/edgebuild`, or `~/.cache/edgebuild`."""
    return Path(stamps.default_root())


BY_KEY = f"{ACTION} WHERE key = ?"


class Store(Contents):
    """One folder, shared by all specs of a user and by builds that run at once."""

    def __init__(
        self,
        root: Path | None = None,
        layers: Sequence[Path] = (),
        mounted: list[tuple[str, str]] | None = None,
        *,
        rehash: bool = False,
    ) -> None:
        """Open, or make, a store.

        Args:
            root: its folder; the user's own where None.
            layers: sealed stores that are looked up behind it.
            mounted: mount points with their file systems; those of this machine where None.
            rehash: whether the user's files are read anew, whatever is known of them.

        Raises:
            StepError: it cannot be written, its table is too new, or a layer cannot be read.
        """
        self.root = (root or default_root()).absolute()
        self._day, self._used = time.time() - DAY_S, list[str]()
        self.notes: list[str] = []
        """What a person should know of this store."""
        with writing(self.root):
            self._make()
            self.state = self._place(mounted)
            """Where tables and locks lie: a folder of this host."""
            rows, note = open_rows(self.state / "rows.sqlite")
        self.notes += [note] if note else []
        super().__init__(Blobs(self.root / "blobs"), rows)
        self.layers = [Layer(Path(layer).absolute()) for layer in layers]
        self.blobs.behind = [layer.blobs for layer in self.layers]
        self.history, self.checkouts = History(self.rows), Checkouts(self.rows)
        self.user_files = UserFiles(self.rows, distrust=rehash)

    def _make(self) -> None:
        for name in ("blobs", "scratch", "logs", "leases"):
            make_private(self.root / name)
        self._warn(self.root)

    def _warn(self, folder: Path) -> None:
        if open_to_others(folder):
            self.notes.append(
                f"{folder} can be written by others, who could plant results there: `chmod 700 {folder}`."
            )

    def _place(self, mounted: list[tuple[str, str]] | None) -> Path:
        kind = file_system(self.root, mounted)
        if kind not in NETWORK:
            return self.root
        state = state_folder(self.root)
        make_private(state / "leases")
        self._warn(state)
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
        """What that key gave, if it was ever run to its end; None too where the row, or the folder's list, is damaged.

        Raises:
            StepError: the table of a layer is damaged.
        """
        found = self._own(key)
        if found is None and self.layers:
            rows = (row for layer in self.layers for row in layer.all(BY_KEY, key))
            found = next((usable for row in rows if (usable := self._usable(row))), None)
        return found

    def _own(self, key: str) -> Built | Declined | None:
        row = self.ahead.action(key) or self.rows.one(BY_KEY, key)
        found = self._usable(row) if row else None
        if row and found and not self._day <= seconds(row[6], math.inf) <= self._day + DAY_S + CLOCK_S:
            self._used.append(key)
        return found

    def _usable(self, row: tuple[Any, ...]) -> Built | Declined | None:
        found = outcome_of(row)
        return found if not isinstance(found, Built) or self.whole(found.digest) else None

    def keep(
        self, key: str, outcome: Built | Declined, *, cost: float, step: type[Step], replace: bool = False
    ) -> Built | Declined:
        """Store what a key gave, inside the caller's transaction; the first writer wins, unless his row is damaged.

        Returns:
            What the store holds now, which the caller adopts.
        """
        # What was read ahead is what it was when the walk began.
        self.ahead.action(key)
        standing = None if replace else self._own(key)
        if standing:
            return standing
        said: tuple[Any, ...] = (key, "refused", "", 0)
        if isinstance(outcome, Built):
            said = (key, "built", outcome.digest, outcome.size)
        said += (outcome.refusal.model_dump_json() if isinstance(outcome, Declined) else "",)
        now = time.time()
        self.rows.run(
            "INSERT OR REPLACE INTO actions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(*said, cost, now, step.kind(), not step.deterministic, now, crc_of(*said)),
        )
        return self._own(key) or outcome

    def valid_until(self, key: str, max_age_s: float) -> float | None:
        """When what that key gave will be too old, in seconds since 1970; None where it is, or its time is no time."""
        created, now = self.created(key), time.time()
        if created is None or not now - max_age_s < created <= now + CLOCK_S:
            return None
        return created + max_age_s

    def created(self, key: str) -> float | None:
        """When that key was run, in seconds since 1970."""
        return self._number("SELECT created FROM actions WHERE key = ?", key)

    def cost(self, key: str) -> float | None:
        """Seconds the key's step took when it ran."""
        return self._number("SELECT cost FROM actions WHERE key = ?", key)

    def _number(self, statement: str, key: str) -> float | None:
        row = self.rows.one(statement, key)
        return float(row[0]) if row and isinstance(row[0], int | float) else None

    def seen_sets(self, prekey: str) -> list[list[list[str]]]:
        """Sets of `[path, digest]` that user code under this key was seen to read, the newest first."""
        rows = self.rows.all(SEEN, prekey)
        return seen_sets_of([*rows, *(row for layer in self.layers for row in layer.all(SEEN, prekey))])

    def _manifests(self, digest: str) -> Iterator[str]:
        yield from super()._manifests(digest)
        for layer in self.layers:
            for (text,) in layer.all("SELECT manifest FROM trees WHERE digest = ?", digest):
                if tree_digest(text) == digest:
                    self.rows.run("INSERT OR REPLACE INTO trees VALUES (?, ?)", digest, text)
                yield text

    def keep_seen(self, prekey: str, key: str, files: list[list[str]]) -> None:
        """Store one such set and the key it leads to, inside the caller's transaction."""
        text = canonical_json(files)
        self.rows.run(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)",
            *(prekey, digest_of(text), text.decode(), key, time.time()),
        )

    # -- use -----------------------------------------------------------------------------------------------------

    def register(self, workspace: str, folders: Iterable[str] = ()) -> None:
        """Remember where the store is built from, for `gc`, and which rows were used; once a day for each.

        Args:
            workspace: the checkout, whose last builds are spared; none where empty.
            folders: absolute, of the specs that are built, whose locks are heeded wherever they lie.
        """
        workspaces, folders = self.checkouts.due(workspace, folders)
        if not (workspaces or folders or self._used or self.user_files.in_use):
            return
        now = time.time()
        with self.rows.transaction():
            self.checkouts.note(workspaces, folders)
            self.user_files.note_use()
            self.rows.run_many("UPDATE actions SET used = ? WHERE key = ?", [(now, key) for key in self._used])
        self._used.clear()

    def scratch(self, waits: Waits = silent) -> AbstractContextManager[Path]:
        """A private folder for one build; those of dead builds are removed (see `scratch_folder`)."""
        return scratch_folder(self.root, self.state, waits)
