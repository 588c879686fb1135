"""Bytes by their digest: 256 folders of read-only files, moved in whole."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edgebuild.engine.store.writing import writing

CHUNK = 1 << 20
Stat = tuple[int, int, int]
"""Size, mtime in nanoseconds, inode."""

NAME = re.compile("[0-9a-f]{64}")
PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Why a file cannot be read that say nothing of the file."""

# Left behind by file managers, never part of an output.
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def file_digest(path: Path) -> str:
    """`sha256:` and hex of a file, read in pieces of 1 MiB."""
    state = hashlib.sha256()
    with path.open("rb") as source:
        while piece := source.read(CHUNK):
            state.update(piece)
    return "sha256:" + state.hexdigest()


def stat_of(path: Path) -> Stat:
    """What tells cheaply whether a blob is as it was published."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def is_litter(name: str) -> bool:
    """Files that an operating system strews into folders."""
    return name in LITTER or name.startswith("._")


class Blobs:
    """Files named by the digest of their content."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder.parent
        self._root = str(folder)
        self._verified: dict[str, Stat] = {}
        self.behind: list[Blobs] = []
        """Blobs of read-only stores; what is used of them is verified and shown from here too."""

    def where(self, digest: str) -> str:
        """Where the blob lies, or would; as text, which is what a walk over thousands has time for."""
        name = digest.rpartition(":")[2]
        return f"{self._root}/{name[:2]}/{name}"

    def place(self, digest: str) -> Path:
        """Where the blob lies, or would."""
        return Path(self.where(digest))

    def adopt(self, source: Path, *, durable: bool = False) -> tuple[str, Stat]:
        """Move a file of the same file system in; an equal blob that is intact stays instead.

        Args:
            source: the file.
            durable: whether it must survive a power loss once a row names it: it could not be made again.

        Raises:
            OSError: the file cannot be read.
            NoRoomError: the disk is full.
            StepError: the folder cannot be written.
        """
        digest = file_digest(source)
        place = self.place(digest)
        with writing(self.root):
            if self.stat(digest) and self.verify(digest):
                source.unlink()
            else:
                source.chmod(0o444)
                self._move_in(source, place)
            if durable:
                for path in (place, place.parent, self.folder):
                    _to_disk(path)
            self._verified[digest] = stat_of(place)
        return digest, self._verified[digest]

    def _move_in(self, part: Path, place: Path) -> None:
        if place.parent.is_file():
            place.parent.unlink()
        place.parent.mkdir(mode=0o700, exist_ok=True)
        if place.is_dir():
            shutil.rmtree(place)
        part.replace(place)

    def stat(self, digest: str) -> Stat | None:
        """What the file system says about the blob; None where there is no such file."""
        try:
            found = os.stat(self.where(digest))  # noqa: PTH116
        except OSError:
            return None
        return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None

    def verify(self, digest: str) -> bool:
        """Whether the blob is there and its bytes have that digest; a damaged one is removed.

        Bytes read once are not read again in this process while size, mtime and inode stay. What is not there is taken
        from a store behind this one where that has it.

        Raises:
            NoRoomError: the disk is full.
            StepError: the folder cannot be written.
        """
        found = self.stat(digest)
        if found is not None and self._verified.get(digest) == found:
            return True
        if self.sound(digest):
            if found is not None:
                self._verified[digest] = found
            return True
        if self._lies_there(digest, found):
            self.drop(digest)
        return self._fetch(digest)

    def damaged(self, digest: str) -> bool:
        """Whether something else than the digest's bytes lies in its place.

        Raises:
            OSError: this process cannot read any more files.
        """
        found = self.stat(digest)
        return not self.sound(digest) and self._lies_there(digest, found)

    def _lies_there(self, digest: str, found: Stat | None) -> bool:
        """Whether what was looked at is there still: somebody else may have put a good one there meanwhile."""
        return os.path.lexists(self.where(digest)) and self.stat(digest) == found

    def sound(self, digest: str) -> bool:
        """Whether there is a file with the digest's bytes, read whole; one that cannot be read is none.

        Raises:
            OSError: this process cannot read any more files.
        """
        try:
            return file_digest(self.place(digest)) == digest
        except OSError as error:
            if error.errno in PASSING:
                raise
            return False

    def near(self, digest: str) -> bool:
        """Whether a read-only store has a blob of that name."""
        return any(layer.stat(digest) for layer in self.behind)

    def _fetch(self, digest: str) -> bool:
        """Take a blob of a layer in where its bytes are right."""
        for layer in self.behind:
            if layer.stat(digest) and layer.sound(digest):
                self._take(layer, digest)
                return True
        return False

    def _take(self, layer: Blobs, digest: str) -> None:
        # In a place of its own: others may take the same blob at the same time.
        part = self.root / "scratch" / f"fetch-{uuid.uuid4().hex}"
        try:
            with writing(self.root):
                layer.put(digest, part, copy=False)
                if part.stat().st_nlink == 1:
                    part.chmod(0o444)
                self._move_in(part, self.place(digest))
                self._verified[digest] = stat_of(self.place(digest))
        finally:
            # Also where it went well: moving one link of a file onto another one does nothing.
            with suppress(OSError):
                part.unlink()

    def drop(self, digest: str) -> None:
        """Remove the bytes, or what lies in their place; the digest stays a valid name.

        Raises:
            StepError: the folder cannot be written.
        """
        self._verified.pop(digest, None)
        place = self.place(digest)
        with writing(self.root), suppress(FileNotFoundError, NotADirectoryError):
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink()

    def every(self) -> Iterator[tuple[str, int]]:
        """Digest and size of all that is named as a blob is; what goes while this looks is left out."""
        for entry, named in self._entries():
            with suppress(FileNotFoundError):
                if named:
                    yield f"sha256:{entry.name}", entry.stat(follow_symlinks=False).st_size

    def strays(self) -> Iterator[Path]:
        """All that has no business between blobs."""
        yield from (Path(entry.path) for entry, named in self._entries() if not named)

    def _entries(self) -> Iterator[tuple[os.DirEntry[str], bool]]:
        for shelf in os.scandir(self.folder):
            if not shelf.is_dir(follow_symlinks=False):
                yield shelf, False
                continue
            with suppress(FileNotFoundError):
                for entry in os.scandir(shelf.path):
                    yield entry, bool(NAME.fullmatch(entry.name)) and entry.name[:2] == shelf.name

    def put(self, digest: str, destination: Path, *, copy: bool) -> None:
        """Show a blob under another name: a hard link, or a copy where the reader may be careless.

        Raises:
            FileNotFoundError: its bytes are not there.
        """
        if not copy:
            try:
                os.link(self.place(digest), destination)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP):
                    raise
            else:
                return
        shutil.copyfile(self.place(digest), destination)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
