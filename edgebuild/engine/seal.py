"""The stamp of a build that found nothing to do: a witness for all that its answer rests on (read by `stamps.py`)."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from edgebuild import stamps
from edgebuild.engine import installation
from edgebuild.engine.process.sighting import Sighting, state_of
from edgebuild.engine.results import Results
from edgebuild.engine.store import Store
from edgebuild.engine.store.blobs import Stat
from edgebuild.engine.store.place import LOCAL, file_system, mounts

LONGEST_S = 30 * 86400.0
"""However little changes, a stamp does not answer for longer."""


@dataclass(frozen=True)
class Said:
    """What a build answered."""

    code: int
    out: str
    err: str


class CannotStamp(Exception):  # noqa: N818 - no error: the next build walks, that is all
    """Something that the answer rests on cannot be witnessed, or is moving."""


@dataclass(frozen=True)
class Began:
    """The moment before a walk asks anything."""

    at: int
    """In ns, as the store's file system tells the time."""
    generation: list[int] | None
    """State of the file that says whether answers were replaced, as a sighting holds it."""

    @property
    def young_after(self) -> int:
        """Files changed later than this may change again with the same time stamps."""
        return self.at - stamps.RACY_NS


def begin(store: Store) -> Began:
    """To be called before anything is read that a stamp may come to rest on."""
    return Began(clock(store), state_of(store.root / "generation"))


def clock(store: Store) -> int:
    """The time in ns as the store's file system tells it."""
    probe = store.root / "scratch" / f"clock-{uuid.uuid4().hex}"
    probe.touch()
    try:
        return probe.stat().st_mtime_ns
    finally:
        probe.unlink()


def seal(
    store: Store, argv: list[str], sightings: Iterable[Sighting], results: Results, said: Said, began: Began
) -> bool:
    """Write the stamp of a walk in which nothing ran and nothing was written.

    Args:
        store: that the walk used.
        argv: the exact command, after the program's name.
        sightings: all that was read in the walk, with its state from before it was read.
        results: of the walk.
        said: its answer.
        began: `begin` before the walk.

    Returns:
        Whether there is a stamp now; where something cannot be witnessed an old one is removed.
    """
    path = stamps.stamp_path(argv)
    try:
        parts = Witnesses(store, began).take(sightings).parts(argv, results, said)
        Path(path).parent.mkdir(mode=0o700, exist_ok=True)
        stamps.write(path, parts)
    except (CannotStamp, OSError, ValueError, OverflowError, LookupError):
        Path(path).unlink(missing_ok=True)
        return False
    return True


class Witnesses:
    """Sightings by what a later process compares."""

    def __init__(self, store: Store, began: Began) -> None:
        self.store, self.began, self.young = store, began, began.young_after
        self.paths: dict[str, list[int] | None] = {}
        """To size, mtime, inode and ctime as they were before it was read; None where we only look at it."""
        self.blobs: dict[str, Stat | None] = {}
        """To what the walk saw of it; None where it lies in a layer, or nobody looked."""
        self.absent: list[str] = []
        self.folders: list[str] = []
        self.listed: dict[str, bytes] = {}
        self.contents: list[str] = []
        self.names: list[str] = []
        self.racy: dict[str, bytes] = {}
        self.until = 0

    def take(self, sightings: Iterable[Sighting]) -> Witnesses:
        """Sort them.

        Raises:
            CannotStamp: a folder cannot be listed.
        """
        for sighting in sightings:
            kind, path = sighting["kind"], str(sighting["path"])
            if kind == "env":
                self.names.append(path)
            elif kind == "day":
                self.until = int(datetime.combine(date.today() + timedelta(days=1), datetime.min.time()).timestamp())
            elif kind == "content":
                self.contents += (path, str(sighting["said"]))
            elif kind == "file":
                self._file(path, sighting)
            elif sighting["stat"] is None:
                self.absent.append(path)
            elif "listing" not in sighting:
                raise CannotStamp(f"{path} cannot be listed")
            else:
                self.listed[path] = sighting["listing"]
        self.contents += ("/proc/sys/kernel/random/boot_id", stamps.state("/proc/sys/kernel/random/boot_id"))
        return self

    def _file(self, path: str, sighting: Sighting) -> None:
        if sighting["stat"] is None:
            self.absent.append(path)
        elif sighting["folder"]:
            self.folders.append(path)
        elif "young" in sighting:
            self.racy[path] = sighting["young"]
        else:
            self.paths[path] = sighting["stat"]

    def _installed(self) -> None:
        """All of the installation; whoever edits edgebuild itself walks until two seconds have passed."""
        for path in installation.paths():
            mtime, ctime, size, inode, device = installation.stamp(path)
            if max(mtime, ctime) >= self.young:
                raise CannotStamp(path)
            if device or inode:
                self.paths[path] = [size, mtime, inode, ctime]
            else:
                self.absent.append(path)

    def _stored(self, results: Results) -> None:
        """Every output where it lies, here or in a layer; one that is but a name must not turn up damaged."""
        homes = [self.store.blobs, *(layer.blobs for layer in self.store.layers)]
        for digest in results.digests():
            for _, line in self.store.files(digest):
                glanced = self.store.glanced.get(line.digest)
                if glanced:
                    self.blobs[self.store.blobs.where(line.digest)] = glanced
                    continue
                places = [blobs.where(line.digest) for blobs in homes]
                found = next((place for place in places if os.path.lexists(place)), None)
                if found:
                    self.blobs[found] = None
                else:
                    self.absent += places
        for layer in self.store.layers:
            self.paths[str(layer.root / "rows.sqlite")] = None

    def parts(self, argv: list[str], results: Results, said: Said) -> dict[str, bytes]:
        """The stamp.

        Raises:
            CannotStamp: a file system does not tell of every write; something changed since it was read.
        """
        if self.store.notes:
            raise CannotStamp("there is something to say of the store")
        self._installed()
        self._stored(results)
        # The whole program must look in now and then: it keeps what is built here from being cleaned away.
        until = min(time.time() + LONGEST_S, results.until or float("inf"))
        self.until = min(self.until or int(until), int(until))
        generation = str(self.store.root / "generation")
        if os.path.lexists(generation):
            # None before, and one now: it differs from what was there, which was nothing.
            self.paths[generation] = self.began.generation or []
        else:
            self.absent.append(generation)
        paths, blobs = sorted(self.paths), sorted(self.blobs)
        self._local([*paths, *self.racy, *self.listed, *self.folders])
        head = [str(said.code), str(self.until), str(time.time()), stamps.grant(str(self.store.root))]
        return {
            "identity": stamps.identity(argv, self.names),
            "head": stamps.joined(head),
            "out": said.out.encode(),
            "err": said.err.encode(),
            "names": stamps.joined(self.names),
            "paths": stamps.joined(paths),
            "stats": self._stats(paths),
            "blobs": stamps.joined(blobs),
            "blob_stats": self._blob_stats(blobs),
            "absent": stamps.joined(self.absent),
            "folders": stamps.joined(self.folders),
            "listed": stamps.joined(self.listed),
            "listings": b"".join(self.listed.values()),
            "contents": stamps.joined(self.contents),
            "racy": stamps.joined(self.racy),
            "digests": b"".join(self.racy.values()),
        }

    def _stats(self, paths: list[str]) -> bytes:
        """As they are, which must be as they were before they were read.

        Raises:
            CannotStamp: one was changed since.
        """
        content = stamps.stats(paths)
        table = memoryview(content).cast("q")
        for number, path in enumerate(paths):
            mtime, ctime, size, inode, _ = table[5 * number : 5 * number + 5]
            if self.paths[path] not in (None, [size, mtime, inode, ctime]):
                raise CannotStamp(path)
        return content

    def _blob_stats(self, blobs: list[str]) -> bytes:
        content = stamps.stats(blobs, stamps.BLOB_FIELDS)
        table = memoryview(content).cast("q")
        for number, path in enumerate(blobs):
            mtime, size, inode, _ = table[4 * number : 4 * number + 4]
            if self.blobs[path] not in (None, (size, mtime, inode)):
                raise CannotStamp(path)
        return content

    def _local(self, paths: list[str]) -> None:
        known = mounts()
        folders = {os.path.dirname(path) for path in paths}  # noqa: PTH120
        folders |= {os.path.dirname(os.path.realpath(path)) for path in paths if os.path.islink(path)}  # noqa: PTH114, PTH120
        for folder in folders:
            kind = file_system(folder, known)
            if kind not in LOCAL:
                raise CannotStamp(f"{folder} lies on {kind or 'an unknown file system'}")
