"""Files and folders by digest: what is published, looked at, and shown to readers."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgebuild.core.records import canonical_json
from edgebuild.engine.outcomes import Built
from edgebuild.engine.store.ahead import Ahead
from edgebuild.engine.store.blobs import Blobs, Stat
from edgebuild.engine.store.checked import tree_digest
from edgebuild.engine.store.names import entries
from edgebuild.engine.store.rows import Rows
from edgebuild.errors import Problem, StepError

BLOB = "SELECT size, mtime, inode FROM blobs WHERE digest = ?"


@dataclass(frozen=True)
class Entry:
    """One line of a folder's manifest."""

    name: str
    digest: str
    size: int


class Contents:
    """Blobs, and the manifests that make folders of them.

    A manifest is one level of a folder; it is kept as a row, so that the digest of a member is known without bytes.
    """

    def __init__(self, blobs: Blobs, rows: Rows) -> None:
        self.blobs, self.rows, self.ahead = blobs, rows, Ahead(rows)
        self.glanced: dict[str, Stat] = {}
        """Blobs that were as they should be when a walk came by, to what the file system said."""
        self._trees: dict[str, tuple[Entry, ...]] = {}

    def publish(self, path: Path, where: str = "", *, durable: bool = False) -> tuple[Built, dict[str, Stat]]:
        """Move a file or folder of the store's own scratch in; blobs first, the manifest last.

        Args:
            path: of the file or folder.
            where: as problems name it.
            durable: see `Blobs.adopt`.

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
        return self._publish(path, where, stats, durable), stats

    def _publish(self, path: Path, where: str, stats: dict[str, Stat], durable: bool) -> Built:
        if path.is_file():
            digest, found = self.blobs.adopt(path, durable=durable)
            stats[digest] = found
            return Built(digest, found[0])
        lines: list[Entry] = []
        for entry in entries(path, where):
            child = self._publish(Path(entry.path), where, stats, durable)
            lines.append(Entry(unicodedata.normalize("NFC", entry.name), child.digest, child.size))
        return self._keep_tree(lines)

    def _keep_tree(self, lines: list[Entry]) -> Built:
        lines.sort(key=lambda line: line.name)
        manifest = canonical_json([[line.name, line.digest, line.size] for line in lines]).decode()
        digest = tree_digest(manifest)
        # In the place of what is there: that may be damaged.
        self.rows.run("INSERT OR REPLACE INTO trees VALUES (?, ?)", digest, manifest)
        self._trees[digest] = tuple(lines)
        return Built(digest, sum(line.size for line in lines))

    def tree(self, digest: str) -> tuple[Entry, ...]:
        """The direct children of a folder, by name.

        Raises:
            KeyError: no such folder was ever stored here, or its manifest is damaged.
        """
        found = self._trees.get(digest)
        if found is None:
            manifest = next((text for text in self._manifests(digest) if tree_digest(text) == digest), None)
            if manifest is None:
                raise KeyError(digest)
            found = self._trees[digest] = tuple(Entry(*line) for line in json.loads(manifest))
        return found

    def _manifests(self, digest: str) -> Iterator[str]:
        """Where there may be one of that name."""
        yield from (text for (text,) in self.rows.all("SELECT manifest FROM trees WHERE digest = ?", digest))

    def whole(self, digest: str) -> bool:
        """Whether it is known of which files a folder consists; always of a file."""
        if not digest.startswith("tree:"):
            return True
        try:
            return all(self.whole(line.digest) for line in self.tree(digest))
        except KeyError:
            return False

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
        """Every file of a folder, with its POSIX path; of a file itself alone, under the empty path.

        Raises:
            KeyError: it is not known of which files the folder consists.
        """
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
        """Whether all bytes are there and right, by their full digest; damaged ones are removed.

        Raises:
            NoRoomError: the disk is full.
            StepError: the store cannot be written.
        """
        if not self.whole(digest):
            return False
        good = True
        for _, line in self.files(digest):
            # Without a short cut: all damaged ones go, and all come back at once.
            good = self.blobs.verify(line.digest) and good
        return good

    def glance(self, digest: str) -> bool:
        """The cheap look of a walk: size, mtime and inode as published; what differs is read whole."""
        if not self.whole(digest):
            return False
        good = True
        for _, line in self.files(digest):
            row = self.ahead.blob(line.digest) or self.rows.one(BLOB, line.digest)
            found = self.blobs.stat(line.digest)
            if found is None and self.blobs.near(line.digest):
                continue
            if row is None or found is None or row != (found[0], found[1], str(found[2])):
                intact = self.blobs.verify(line.digest)
                good = good and intact
                if intact and found:
                    self.record({line.digest: found})
                if not intact or found is None:
                    continue
            self.glanced[line.digest] = found
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
