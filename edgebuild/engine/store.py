"""The store: bytes by digest, and rows that say which key gave which bytes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.wires import Refusal
from edgebuild.engine.blobs import Blobs, Stat, entries, file_digest
from edgebuild.engine.outcomes import Built, Declined
from edgebuild.engine.rows import Rows
from edgebuild.errors import Problem, StepError

RACY_S = 2.0
"""A file changed less than this before it was read may change again with the same time stamps."""


def default_root() -> Path:
    """`$XDG_CACHE_HOME/edgebuild`, or `~/.cache/edgebuild`."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache.startswith("/") else Path.home() / ".cache") / "edgebuild"


@dataclass(frozen=True)
class Entry:
    """One line of a folder's manifest."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True)
class Last:
    """What a step of that name was the last time, in one workspace."""

    key: str
    parts: dict[str, Any]
    digest: str
    size: int
    created: float


class Store:
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
        self.blobs = Blobs(self.root / "blobs")
        self.rows = Rows(self.root / "rows.sqlite")
        self._trees: dict[str, tuple[Entry, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the table."""
        self.rows.close()

    # -- bytes ---------------------------------------------------------------------------------------------------

    def publish(self, path: Path, where: str = "") -> tuple[Built, dict[str, Stat]]:
        """Move a file or folder of the store's own scratch in; blobs first, the manifest last.

        Returns:
            Its name, and for each blob what `blobs` shall remember of it (see `record`).

        Raises:
            StepError: it holds a symbolic link, a device, or names that other systems cannot hold.
            OSError: the disk is full.
        """
        stats: dict[str, Stat] = {}
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise StepError(
                Problem(where, f"`{path.name}` is neither a file nor a folder.", "Write the content itself.")
            )
        return self._publish(path, where, stats), stats

    def _publish(self, path: Path, where: str, stats: dict[str, Stat]) -> Built:
        if path.is_file():
            digest, found = self.blobs.adopt(path)
            stats[digest] = found
            return Built(digest, found[0])
        lines: list[Entry] = []
        for entry in entries(path, where):
            child = self._publish(Path(entry.path), where, stats)
            lines.append(Entry(unicodedata.normalize("NFC", entry.name), child.digest, child.size))
        return self._keep_tree(lines)

    def _keep_tree(self, lines: list[Entry]) -> Built:
        lines.sort(key=lambda line: line.name)
        manifest = canonical_json([[line.name, line.digest, line.size] for line in lines])
        digest = "tree:" + digest_of(manifest).removeprefix("sha256:")
        self.rows.run("INSERT INTO trees VALUES (?, ?) ON CONFLICT DO NOTHING", digest, manifest.decode())
        return Built(digest, sum(line.size for line in lines))

    def tree(self, digest: str) -> tuple[Entry, ...]:
        """The direct children of a folder, by name.

        Raises:
            KeyError: no such folder was ever stored here.
        """
        if digest not in self._trees:
            row = self.rows.one("SELECT manifest FROM trees WHERE digest = ?", digest)
            if row is None:
                raise KeyError(digest)
            self._trees[digest] = tuple(Entry(*line) for line in json.loads(row[0]))
        return self._trees[digest]

    def member(self, digest: str, member: str) -> Built:
        """One file or folder inside a stored folder.

        Args:
            digest: of the folder.
            member: POSIX path; empty for the whole.

        Raises:
            KeyError: there is none of that name.
        """
        found = Built(digest, 0)
        for name in filter(None, member.split("/")):
            if not found.digest.startswith("tree:"):
                raise KeyError(member)
            line = next((line for line in self.tree(found.digest) if line.name == name), None)
            if line is None:
                raise KeyError(member)
            found = Built(line.digest, line.size)
        return found

    def files(self, digest: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Every file of a folder, with its POSIX path; of a file itself alone, under the empty path."""
        if not digest.startswith("tree:"):
            yield prefix, Entry(prefix, digest, 0)
            return
        for line in self.tree(digest):
            path = f"{prefix}/{line.name}" if prefix else line.name
            if line.digest.startswith("tree:"):
                yield from self.files(line.digest, path)
            else:
                yield path, line

    def verify(self, digest: str) -> bool:
        """Whether all bytes are there and right, by their full digest; damaged ones are removed."""
        good = True
        for _, line in self.files(digest):
            # Without a short cut: all damaged ones go, and all come back at once.
            good = self.blobs.verify(line.digest) and good
        return good

    def glance(self, digest: str) -> bool:
        """The cheap look of a walk: size, mtime and inode as published; what differs is read whole."""
        good = True
        for _, line in self.files(digest):
            row = self.rows.one("SELECT size, mtime, inode FROM blobs WHERE digest = ?", line.digest)
            found = self.blobs.stat(line.digest)
            if row is None or found is None or (row[0], row[1], int(row[2])) != found:
                intact = self.blobs.verify(line.digest)
                good = good and intact
                if intact and found:
                    self.record({line.digest: found})
        return good

    def record(self, stats: dict[str, Stat]) -> None:
        """Remember what the file system says of blobs that are known to be right."""
        self.rows.run_many(
            "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?)",
            [(digest, size, mtime, str(inode)) for digest, (size, mtime, inode) in stats.items()],
        )

    def put(self, digest: str, destination: Path, *, copy: bool = False) -> None:
        """Show a stored file or folder under another name, for reading.

        Raises:
            FileNotFoundError: some of its bytes are not there.
        """
        if not digest.startswith("tree:"):
            self.blobs.put(digest, destination, copy=copy)
            return
        destination.mkdir()
        for line in self.tree(digest):
            self.put(line.digest, destination / line.name, copy=copy)

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

    # -- history -------------------------------------------------------------------------------------------------

    def last_keys(self, workspace: str) -> dict[str, str]:
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
        return Last(row[0], json.loads(row[1]), row[2], row[3], row[4]) if row else None

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

    # -- the user's files ----------------------------------------------------------------------------------------

    def digest_file(self, path: Path) -> str:
        """Digest of a user's file; read again only where device, inode, size, mtime or ctime changed.

        Raises:
            OSError: it cannot be read.
        """
        found = path.stat()
        row = self.rows.one(
            "SELECT size, mtime, ctime, digest FROM stats WHERE device = ? AND inode = ?",
            str(found.st_dev),
            str(found.st_ino),
        )
        stamp = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if row and row[:3] == stamp:
            return str(row[3])
        started = time.time()
        digest = file_digest(path)
        if started - max(found.st_mtime, found.st_ctime) > RACY_S:
            self.rows.run(
                "INSERT OR REPLACE INTO stats VALUES (?, ?, ?, ?, ?, ?)",
                str(found.st_dev),
                str(found.st_ino),
                *stamp,
                digest,
            )
        return digest

    # -- scratch -------------------------------------------------------------------------------------------------

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A private folder on the store's file system for the life of one build; those of dead builds are removed."""
        self._reap()
        folder = self.root / "scratch" / uuid.uuid4().hex[:12]
        # Locked before the folder is there: whoever reaps sees folders, and then finds the lock taken.
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                folder.mkdir()
                yield folder
            finally:
                remove_folder(folder)
                folder.with_suffix(".lock").unlink(missing_ok=True)

    def _reap(self) -> None:
        for folder in (self.root / "scratch").iterdir():
            if folder.suffix == ".lock":
                continue
            try:
                with folder.with_suffix(".lock").open("r+") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove_folder(folder)
                    folder.with_suffix(".lock").unlink()
            except OSError:
                continue


def remove_folder(folder: Path) -> None:
    """Remove a folder of our scratch, whatever a step left in it."""
    shutil.rmtree(folder, ignore_errors=True)
