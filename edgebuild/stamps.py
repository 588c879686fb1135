"""The answer of a build that has nothing to do, from what an earlier one left.

A build that found everything up to date leaves a *stamp* (`engine/seal.py`): what it said, and a witness for all that
its answer rests on. The same command later only compares witnesses; whatever differs, or cannot be told, leads to the
whole program.

Imports what the interpreter has built in and next to nothing else: this file decides how long a no-op takes.
"""

import os
import sys
import zlib
from array import array
from itertools import chain
from operator import attrgetter
from time import time

from edgebuild.looks import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAGIC = b"edgebuild stamp 2\n"
RACY_NS = 2_000_000_000
"""A file changed less than this before it was read may change again with the same time stamps."""
FIELDS = attrgetter("st_mtime_ns", "st_ctime_ns", "st_size", "st_ino", "st_dev")
BLOB_FIELDS = attrgetter("st_mtime_ns", "st_size", "st_ino", "st_dev")
"""Of what is in the store: showing it to a step links it, which moves its ctime."""
PREFIXES = ("PYTHON", "LD_", "EDGEBUILD_", "DYLD_")
NAMES = ("PATH", "HOME", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZ", "USER", "XDG_CACHE_HOME", "XDG_STATE_HOME")
CLOCK_S = 2.0
"""A stamp from later than this ahead of now was made by another clock."""


def recall(argv: list[str]) -> tuple[int, bytes, bytes] | None:
    """Exit code and texts of an earlier build that still holds; None where there is none, or none that can be told."""
    try:
        path = stamp_path(argv)
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read()
        stamp = Stamp(content)
        return stamp.answer() if stamp.holds(argv, path) else None
    except (OSError, ValueError, OverflowError, IndexError, AttributeError):
        return None


def default_root() -> str:
    """`$XDG_CACHE_HOME/edgebuild`, or `~/.cache/edgebuild`."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (cache if cache.startswith("/") else os.path.expanduser("~/.cache")) + "/edgebuild"  # noqa: PTH111


def stamp_path(argv: list[str]) -> str:
    """Where the stamp of a command lies: in the store it names, called after who asks for what, and where."""
    root = default_root()
    for index, word in enumerate(argv):
        if word == "--store" and index + 1 < len(argv):
            root = argv[index + 1]
        elif word.startswith("--store="):
            root = word[8:]
    if root.startswith("~"):
        root = os.path.expanduser(root)  # noqa: PTH111
    return f"{root}/stamps/{identity(argv, ()).hex()[:32]}"


def sha256(content: bytes) -> bytes:
    """Without OpenSSL, whose import takes longer than the rest."""
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256 as made
        else:
            from _sha256 import sha256 as made
    except ImportError:
        from hashlib import sha256 as made
    digest: bytes = made(content).digest()
    return digest


def identity(argv: list[str], names: "Iterable[str]") -> bytes:
    """Who asks: the command, the folder, the user, the interpreter, the kernel and the environment, as one digest.

    Args:
        argv: after the program's name.
        names: variables that the specs read, besides those that steer Python and edgebuild.
    """
    wanted = {name for name in os.environ if name.startswith(PREFIXES)}.union(NAMES, names)
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    rest = (argv, os.getcwd(), os.getuid(), sys.version, sys.executable, sys.path, os.uname()[2:], cores)  # noqa: PTH109
    return sha256(repr((rest, [(name, os.environ.get(name)) for name in sorted(wanted)])).encode())


def stats(paths: list[str], fields: "attrgetter[tuple[int, ...]]" = FIELDS) -> bytes:
    """What the file system says of each path, for one comparison.

    Raises:
        OSError: one is not there.
    """
    # Signed: times before 1970 are negative.
    return array("q", chain.from_iterable(map(fields, map(os.stat, paths)))).tobytes()


def grant(folder: str) -> str:
    """Who may write to a folder."""
    found = os.stat(folder)  # noqa: PTH116
    return f"{found.st_mode:o} {found.st_uid}"


def listing(folder: str, own: bool = False) -> bytes:
    """A digest of `looks.names`.

    Raises:
        OSError: it cannot be listed.
    """
    return sha256("\0".join(names(folder, own)).encode(errors="surrogateescape"))


def digest(path: str) -> bytes:
    """Of a file's bytes; only for the few that changed shortly before they were read."""
    from hashlib import sha256 as made

    state = made()
    with open(path, "rb") as file:  # noqa: PTH123
        while piece := file.read(1 << 20):
            state.update(piece)
    return state.digest()


SECTIONS = (
    "identity", "head", "out", "err", "names", "paths", "stats", "blobs", "blob_stats", "absent", "folders",
    "listed", "listings", "contents", "racy", "digests",
)  # fmt: skip
"""Parts of a stamp in their order; texts are joined by NUL, digests have 32 bytes each."""


class Stamp:
    """One stamp, as its parts."""

    def __init__(self, content: bytes) -> None:
        """Take it apart.

        Raises:
            ValueError: it is torn, damaged, or of another edgebuild.
        """
        size = len(MAGIC)
        if content[:size] != MAGIC or zlib.crc32(content[size + 4 :]).to_bytes(4, "big") != content[size : size + 4]:
            raise ValueError("no stamp")
        place = size + 4
        self.parts: dict[str, bytes] = {}
        for name in SECTIONS:
            length = int.from_bytes(content[place : place + 8], "big")
            self.parts[name] = content[place + 8 : place + 8 + length]
            place += 8 + length

    def texts(self, name: str) -> list[str]:
        """A part that is a list."""
        part = self.parts[name]
        return part.decode(errors="surrogateescape").split("\0") if part else []

    def holds(self, argv: list[str], path: str) -> bool:
        """Whether every witness says what it said."""
        _, until, made, granted = self.texts("head")
        return (
            self.parts["identity"] == identity(argv, self.texts("names"))
            and float(made) - CLOCK_S <= time()
            and (until == "0" or time() < int(until))
            and grant(path[: path.rindex("/stamps/")]) == granted
            and stats(self.texts("paths")) == self.parts["stats"]
            and stats(self.texts("blobs"), BLOB_FIELDS) == self.parts["blob_stats"]
            and not any(map(os.path.lexists, self.texts("absent")))
            and all(map(os.path.isdir, self.texts("folders")))
            and self.same_listings()
            and self.same_contents()
            and self.same_racy(path)
        )

    def same_listings(self) -> bool:
        """Whether every folder that was listed holds the same names."""
        found = b"".join(map(listing, self.texts("listed")))
        return found == self.parts["listings"]

    def same_contents(self) -> bool:
        """Whether the kernel's small files say the same."""
        texts = self.texts("contents")
        return all(state(path) == said for path, said in zip(texts[::2], texts[1::2], strict=True))

    def same_racy(self, path: str) -> bool:
        """Whether files too young for their time stamps have the same bytes; once old they are not read again."""
        racy = self.texts("racy")
        if not racy:
            return True
        if b"".join(map(digest, racy)) != self.parts["digests"]:
            return False
        newest = max(max(found.st_mtime_ns, found.st_ctime_ns) for found in map(os.stat, racy))
        if newest < time() * 1e9 - RACY_NS:
            self.settle(path, racy)
        return True

    def settle(self, path: str, racy: list[str]) -> None:
        """Write the stamp again without its young files, known by their time stamps from now on."""
        before = stats(racy)
        if b"".join(map(digest, racy)) != self.parts["digests"] or stats(racy) != before:
            return
        paths = self.texts("paths") + racy
        parts = {
            **self.parts,
            "paths": joined(paths),
            "stats": self.parts["stats"] + before,
            "racy": b"",
            "digests": b"",
        }
        write(path, parts)

    def answer(self) -> tuple[int, bytes, bytes]:
        """Exit code, and what goes to the two streams."""
        return int(self.texts("head")[0]), self.parts["out"], self.parts["err"]


def state(path: str) -> str:
    """Text of a small file of the kernel's; "" where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""


def joined(texts: "Iterable[str]") -> bytes:
    """A list as a part."""
    return "\0".join(texts).encode(errors="surrogateescape")


def write(path: str, parts: dict[str, bytes]) -> None:
    """Write a stamp in one move.

    Raises:
        OSError: its folder cannot be written.
    """
    body = b"".join(len(parts[name]).to_bytes(8, "big") + parts[name] for name in SECTIONS)
    part = f"{path}.{os.getpid()}.part"
    with open(part, "wb") as file:  # noqa: PTH123
        file.write(MAGIC + zlib.crc32(body).to_bytes(4, "big") + body)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)  # noqa: PTH105
