"""What a process reads, noted by an audit hook inside it: a step with user code, or a build that plans."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edgebuild import reads, stamps

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
Sighting = dict[str, Any]
"""`path` (absolute), `kind` (`file`, `names` of a folder, `modules` of a searched one, or one of `reads`), `stat` from
before it was read, or None where absent."""


class Frame:
    """What was read during a part of a process's life."""

    def __init__(self) -> None:
        self._found: list[Sighting] | None = None

    def close(self, found: list[Sighting]) -> None:
        """Nothing more is added."""
        self._found = found

    @property
    def sightings(self) -> list[Sighting]:
        """In a fixed order.

        Raises:
            RuntimeError: it is not over yet.
        """
        if self._found is None:
            raise RuntimeError("a frame is read before its end")
        return self._found


class Witness:
    """Notes files opened and folders listed, outside of what is ours or installed.

    Sees what goes through Python: `open`, `os.open`, listings, SQLite, imports. A library that opens files in C (h5py,
    tf.io) is not seen; `data.inputs:` of the spec names such files.
    """

    def __init__(self, ignored: list[str]) -> None:
        """Args: ignored: absolute folders (installation, standard library, store, system) that count otherwise."""
        self._ignored = tuple(folder.rstrip("/") + "/" for folder in ignored)
        self._sightings: dict[tuple[str, str], Sighting] = {}
        self._written: set[str] = set()
        self._searched: set[str] = set()
        self._on = False
        self.young_after: int | None = None
        """Set where a stamp is to be written: folders are then sighted with what they held, and files changed later
        than this (ns since 1970) with a digest of their bytes, all from before they were read."""
        # A hook cannot be taken out again; `_on` silences it.
        sys.addaudithook(self._hook)

    def start(self) -> None:
        """From here on the user's code may run."""
        # Where our own modules come from; what lies there counts by version.
        self._searched = {os.path.abspath(folder) for folder in sys.path}  # noqa: PTH100
        self._on = True
        reads.listeners.append(self._told)

    @contextmanager
    def frame(self) -> Iterator[Frame]:
        """What is read inside, whether or not it was read before."""
        frame = Frame()
        outer, self._sightings = self._sightings, {}
        written, self._written = self._written, set()
        try:
            yield frame
        finally:
            inner, self._sightings = self._sightings, outer
            self._written |= written
            for name, sighting in inner.items():
                outer.setdefault(name, sighting)
            frame.close([inner[name] for name in sorted(inner)])

    def stop(self) -> list[Sighting]:
        """What was read, in a fixed order."""
        self._on = False
        if self._told in reads.listeners:
            reads.listeners.remove(self._told)
        return [self._sightings[name] for name in sorted(self._sightings)]

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "open":
            self._opened(*arguments)
        elif event in ("os.listdir", "os.scandir"):
            self._note(arguments[0] if arguments[0] is not None else ".", self._listing_kind())
        elif event == "sqlite3.connect" or (event == "import" and arguments[1]):
            self._note(arguments[event == "import"], "file")

    def _opened(self, path: Any, mode: str | None, flags: int) -> None:
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else flags & WRITING
        if not writes:
            self._note(path, "file")
        elif isinstance(path, str | bytes | os.PathLike):
            self._written.add(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - one call, no import inside a hook

    def _told(self, kind: str, name: str) -> None:
        if kind == "file":
            self._note(name, kind)
        elif (kind, name) not in self._sightings:
            said = stamps.state(name) if kind == "content" else ""
            self._sightings[kind, name] = {"path": name, "kind": kind, "stat": None, "said": said}

    def _listing_kind(self) -> str:
        # The import system lists a folder to find modules: only their names matter to it.
        caller = sys._getframe(2).f_code.co_filename
        return "modules" if "importlib" in caller else "names"

    def _note(self, path: Any, kind: str) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
        if name == ":memory:" or name in self._written or (name + "/").startswith(self._ignored):
            return
        if "/__pycache__/" in name or (kind, name) in self._sightings or (kind == "modules" and name in self._searched):
            return
        sighting: Sighting = {"path": name, "kind": kind, "stat": None, "folder": False}
        self._sightings[kind, name] = sighting
        with contextlib.suppress(OSError):
            found = os.stat(name)  # noqa: PTH116
            sighting["stat"] = [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]
            sighting["folder"] = stat.S_ISDIR(found.st_mode)
            young = self.young_after is not None and max(found.st_mtime_ns, found.st_ctime_ns) >= self.young_after
            if self.young_after is not None and kind != "file":
                sighting["listing"] = stamps.listing(name)
            if young and kind == "file" and stat.S_ISREG(found.st_mode):
                sighting["young"] = stamps.digest(name)
