"""What a process reads, noted by an audit hook inside it: a step with user code, or a build that plans."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

from edgebuild import looks, reads, stamps
from edgebuild.engine.process.sighting import Key, Sighting, ancestors, behind, content, full, sight, told_apart

if TYPE_CHECKING:
    from edgebuild.engine.process.forks import Forks

__all__ = ["Frame", "Sighting", "Witness"]

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
MAKING = os.O_CREAT | os.O_TRUNC

MADE = {
    "os.mkdir": ((0, 2, False),),
    "os.symlink": ((1, 2, False),),
    "os.link": ((1, 3, False),),
    "os.remove": ((0, 1, True),),
    "os.rmdir": ((0, 1, True),),
    "os.rename": ((0, 2, True), (1, 3, None)),
}
"""Events that tell of a change of names. For each name: where in the event are the path and the descriptor of the
folder it starts in, and whether something must be there, or must not, for the change to succeed."""


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
    """Notes files opened, looked at and folders listed, outside of what is ours or installed.

    Sees what goes through Python: `open`, `os.open`, listings, SQLite, imports; with `Probes`, also `os.stat` and its
    like. A library that opens files in C (h5py, tf.io) is not seen, nor is another program, nor what an entry of
    `os.scandir` says of sizes; `data.inputs:` of the spec names such files.
    """

    _looking: set[int] = set()
    """Threads in which a witness itself looks; of all there are in the process, none hears another."""

    def __init__(self, ignored: Iterable[str], roots: Iterable[str] = (), forks: Forks | None = None) -> None:
        """Begin to listen.

        Args:
            ignored: absolute folders (installation, standard library, store, system) that count otherwise.
            roots: folders of the user's code, where edgebuild writes too.
            forks: of this process, where it may have any.
        """
        self._ignored = tuple(folder.rstrip("/") + "/" for folder in ignored)
        self._roots = frozenset(os.path.abspath(root) for root in roots)  # noqa: PTH100
        self._forks = forks
        self._sightings: dict[Key, Sighting] = {}
        self._written: set[str] = set()
        self._searched: frozenset[str] = frozenset()
        self._there = frozenset(ancestors([*self._roots, *(folder[:-1] for folder in self._ignored)]))
        """Folders without which the process would not run; what they are called is the machine's."""
        self._on = False
        self._below: dict[int, str] = {}
        """Folder that the paths of a thread start in, while it opens one below a descriptor."""
        self.young_after: int | None = None
        """Set where a stamp is to be written: folders are then sighted with what they held, and files changed later
        than this (ns since 1970) with a digest of their bytes, all from before they were read."""
        # A hook cannot be taken out again; `_on` silences it.
        sys.addaudithook(self._hook)

    def start(self) -> None:
        """From here on the user's code may run."""
        # Where our own modules come from; what lies there counts by version.
        self._searched = frozenset(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100
        self._there |= self._searched
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
            frame.close(told_apart(inner, self._written))
            self._written |= written
            for name, sighting in inner.items():
                outer.setdefault(name, sighting)

    def stop(self) -> list[Sighting]:
        """What was read, in a fixed order."""
        self._on = False
        if self._told in reads.listeners:
            reads.listeners.remove(self._told)
        for told in self._forks.told() if self._forks else ():
            if "written" in told:
                self._written.add(told["written"])
            else:
                self._sightings.setdefault((told["kind"], told["path"]), told)
        return told_apart(self._sightings, self._written)

    # -- what it hears of ----------------------------------------------------------------------------------------

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on or get_ident() in self._looking:
            return
        if event == "open":
            self._opened(*arguments)
        elif event in ("os.listdir", "os.scandir"):
            self._note(full(arguments[0]), self._listing_kind())
        elif event == "sqlite3.connect" or (event == "import" and arguments[1]):
            self._note(full(arguments[event == "import"]), "file")
        elif event in MADE:
            for path, descriptor, there in MADE[event]:
                name = full(arguments[path], arguments[descriptor])
                # The event comes before the attempt, which may fail.
                if there is None or (looks.link(name) != looks.ABSENT) is there:
                    self._write(name)

    def _opened(self, path: Any, mode: str | None, flags: int) -> None:
        if isinstance(path, int):
            # Whoever opened the descriptor was heard then.
            return
        name = full(path, self._below.get(get_ident()))
        if flags & os.O_ACCMODE == os.O_RDWR and not flags & MAKING:
            self._note(name, "file", changing=True)
        elif flags & WRITING or (isinstance(mode, str) and any(letter in mode for letter in "wax")):
            # Where it must be new and is not, nothing is written.
            if not flags & os.O_EXCL or looks.link(name) == looks.ABSENT:
                self._write(name)
        else:
            self._note(name, "file")

    def _told(self, kind: str, name: str) -> None:
        if kind == "file":
            self._note(name, kind)
        elif kind == "installed":
            self._sight(("file", name))
        elif (kind, name) not in self._sightings:
            said = stamps.state(name) if kind == "content" else ""
            self._sightings[kind, name] = {"path": name, "kind": kind, "stat": None, "said": said}

    def looked(self, path: Any, below: int | None, kind: str) -> None:
        """Somebody asks what is there: `exists`, or `link` where a link is not followed."""
        if self._on and get_ident() not in self._looking:
            name = full(path, below)
            if name not in self._there:
                self._note(name, kind)

    @contextmanager
    def opening_below(self, descriptor: int) -> Iterator[None]:
        """The calling thread opens a path that starts in a folder it has opened."""
        self._below[get_ident()] = behind(descriptor)
        try:
            yield
        finally:
            del self._below[get_ident()]

    def _listing_kind(self) -> str:
        # The import system lists a folder to find modules: only their names matter to it.
        caller = sys._getframe(2).f_code.co_filename
        return "modules" if "importlib" in caller else "names"

    # -- what it notes -------------------------------------------------------------------------------------------

    def _note(self, name: str, kind: str, changing: bool = False) -> None:
        if not name or name in self._written or (name + "/").startswith(self._ignored):
            return
        if name.endswith("/:memory:") or "/__pycache__/" in name or (kind == "modules" and name in self._searched):
            return
        self._sight((kind, name), changing)

    def _sight(self, key: Key, changing: bool = False) -> None:
        known = self._sightings.get(key)
        if known is not None and not (changing and "before" not in known):
            return
        kind, name = key
        # Before it looks: what it does itself is heard too.
        self._looking.add(get_ident())
        try:
            sighting = known or sight(name, kind, name in self._roots, self.young_after)
            if changing:
                # It may be written through a map of memory, of which no time stamp tells.
                sighting["before"] = content(name)
            self._sightings[key] = sighting
        finally:
            self._looking.discard(get_ident())
        if self._forks and self._forks.forked:
            self._forks.tell(sighting)

    def _write(self, name: str) -> None:
        if name and name not in self._written:
            self._written.add(name)
            if self._forks and self._forks.forked:
                self._forks.tell({"written": name})
