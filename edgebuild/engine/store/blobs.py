"""Bytes by their digest: 256 folders of read-only files, moved in whole."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from edgebuild.errors import Problem, StepError

CHUNK = 1 << 20
Stat = tuple[int, int, int]
"""Size, mtime in nanoseconds, inode."""

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
        self.folder = folder
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
            OSError: the disk is full, or the folder cannot be written.
        """
        digest = file_digest(source)
        place = self.place(digest)
        place.parent.mkdir(exist_ok=True)
        if place.exists() and self.verify(digest):
            source.unlink()
        else:
            source.chmod(0o444)
            if durable:
                _to_disk(source)
            source.replace(place)
            if durable:
                _to_disk(place.parent)
        self._verified[digest] = stat_of(place)
        return digest, self._verified[digest]

    def stat(self, digest: str) -> Stat | None:
        """What the file system says about the blob; None where it is not there."""
        try:
            found = os.stat(self.where(digest))  # noqa: PTH116
            return found.st_size, found.st_mtime_ns, found.st_ino
        except OSError:
            return None

    def verify(self, digest: str) -> bool:
        """Whether the blob is there and its bytes have that digest; a damaged one is removed.

        Bytes read once are not read again in this process while size, mtime and inode stay.
        """
        found = self.stat(digest)
        if found is None:
            return self._fetch(digest)
        if self._verified.get(digest) == found:
            return True
        if file_digest(self.place(digest)) != digest:
            self.drop(digest)
            return False
        self._verified[digest] = found
        return True

    def near(self, digest: str) -> bool:
        """Whether a read-only store has a blob of that name."""
        return any(layer.stat(digest) for layer in self.behind)

    def _fetch(self, digest: str) -> bool:
        """Take a blob of a layer in where its bytes are right."""
        place = self.place(digest)
        for layer in self.behind:
            if layer.stat(digest) and file_digest(layer.place(digest)) == digest:
                place.parent.mkdir(exist_ok=True)
                part = place.with_name(f"{place.name}.{os.getpid()}.part")
                layer.put(digest, part, copy=False)
                part.replace(place)
                self._verified[digest] = stat_of(place)
                return True
        return False

    def drop(self, digest: str) -> None:
        """Remove the bytes; the digest stays a valid name."""
        self._verified.pop(digest, None)
        self.place(digest).unlink(missing_ok=True)

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


def entries(folder: Path, where: str) -> Iterator[os.DirEntry[str]]:
    """What a folder holds, by name; litter left out.

    Raises:
        StepError: a symbolic link, device or socket, or two names that differ by case alone.
    """
    names: dict[str, str] = {}
    for entry in sorted(os.scandir(folder), key=lambda item: item.name):
        if is_litter(entry.name):
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise StepError(
                Problem(where, f"`{entry.name}` is neither a file nor a folder.", "Write the content, not a link.")
            )
        twin = names.setdefault(entry.name.casefold(), entry.name)
        if twin != entry.name:
            raise StepError(
                Problem(where, f"`{twin}` and `{entry.name}` differ by case alone.", "Other systems cannot hold both.")
            )
        yield entry
