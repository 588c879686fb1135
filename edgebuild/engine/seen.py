"""Files that user code was seen to read: their digests then, and whether they are the same now."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path

from edgebuild import looks, reads
from edgebuild.core import distributions
from edgebuild.core.records import digest_of
from edgebuild.core.wires import UserCode
from edgebuild.engine.process.sighting import Sighting, listed, state_of
from edgebuild.engine.store import Store
from edgebuild.errors import Problem, StepError

Seen = list[list[str]]
"""Pairs of a place (`file:0/data/a.png`: kind, number of the root, path below; `file:/abs`; `dist:numpy`) and what was
there: a digest, or a few words."""

OF_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run/lock", "/sbin", "/sys", "/var/lock")
OF_USR = ("bin", "etc", "games", "include", "lib", "lib32", "lib64", "libexec", "sbin", "cuda")
SHARED = ("ca-certificates", "file", "fontconfig", "fonts", "i18n", "locale", "mime", "misc", "terminfo", "zoneinfo")
"""Below `share`: what libraries open by themselves. All else there may be data, as it may in `/var/lib` or `/run`."""
SYSTEM = (
    *OF_SYSTEM,
    *(f"{usr}/{name}" for usr in ("/usr", "/usr/local") for name in OF_USR),
    *(f"{usr}/share/{name}" for usr in ("/usr", "/usr/local") for name in SHARED),
)


SAID: dict[str, Callable[[str], str]] = {
    "env": lambda name: repr(reads.environ(name)),
    "day": lambda _: reads.today().isoformat(),
    "content": lambda name: reads.state(Path(name)),
}
"""Kinds of `reads` that are no files, to what they say now; asked so that whoever listens hears of it. Values of the
environment are kept as digests alone."""


def roots_of(codes: Iterable[UserCode]) -> list[Path]:
    """Folders below which user code lives, each once."""
    return [Path(root) for root in dict.fromkeys(code.root for code in codes)]


def ignored_folders(store: Store, roots: list[Path]) -> list[str]:
    """Folders whose content counts otherwise (versions) or never (system, store); none that a root lies in."""
    package = Path(__file__).resolve().parents[1]
    # Not the whole prefix: where Python is the system's own, that is `/usr`, data and all.
    installed = [f"{prefix}/{name}" for prefix in (sys.prefix, sys.base_prefix) for name in OF_USR]
    modules = [folder for name, folder in sysconfig.get_paths().items() if name != "data"]
    ours = [str(store.root), str(package), *installed, *modules, *distributions.sites()]
    folders = [Path(os.path.abspath(folder)) for folder in dict.fromkeys((*ours, *SYSTEM))]  # noqa: PTH100
    return [str(folder) for folder in folders if not any(root.is_relative_to(folder) for root in roots)]


def seen_now(sightings: list[Sighting], roots: list[Path], store: Store, where: str) -> Seen:
    """The set to store with the row.

    Raises:
        StepError: a file or a listed folder is no longer what it was when the code read it.
    """
    seen: Seen = []
    for sighting in sightings:
        path, kind = Path(sighting["path"]), sighting["kind"]
        place = f"{kind}:{sighting['path']}" if kind in NAMED else _place(path, kind, roots)
        found = digest_place(place, roots, store) if kind in AT_THE_END else str(sighting["said"])
        if kind == "file" and sighting["stat"] is None and sighting.get("own"):
            # Looked for, and then made: the next time it is there.
            found, moved = looks.ABSENT, False
        elif kind == "file" and not sighting["folder"]:
            moved = state_of(path) != sighting["stat"] or sighting.get("before") not in (None, "", found)
        else:
            moved = kind == "names" and not sighting.get("own") and found != digest_place(place, roots, store)
        if moved:
            raise changed(where, path)
        if kind == "modules" and sighting.get("own"):
            # What the code makes beside its modules, a folder for a cache, it has not imported.
            found = digest_place(place, roots, store)
        seen.append([place, found])
    return seen


def check_code(codes: Iterable[UserCode], store: Store, where: str) -> None:
    """Hold the user's files against the digests that the key was made with.

    Raises:
        StepError: one was changed since.
    """
    for code in codes:
        for item in code.files:
            path = Path(code.root, item.path)
            try:
                same = (
                    not item.digest.startswith("sha256:")
                    or path.is_dir()
                    or store.user_files.digest(path) == item.digest
                )
            except OSError:
                same = False
            if not same:
                raise changed(where, path)


def changed(where: str, path: Path) -> StepError:
    """The one sentence for it."""
    return StepError(Problem(where, f"{path} changed while it was read; nothing was stored.", "Build again."))


def as_now(seen: Seen, roots: list[Path], store: Store) -> Seen:
    """The same places with what is there now."""
    return [[place, digest_place(place, roots, store)] for place, _ in seen]


def still_so(seen: Seen, roots: list[Path], store: Store) -> bool:
    """Whether all of a set is what it was."""
    return all(digest_place(place, roots, store) == digest for place, digest in seen)


def digest_place(place: str, roots: list[Path], store: Store) -> str:
    """What is there now: see `Seen`."""
    kind, _, name = place.partition(":")
    if kind in SAID:
        return digest_of(SAID[kind](name).encode())
    if kind in INSTALLED:
        return INSTALLED[kind](name, store)
    if kind == "file" and name.startswith("/"):
        return _digest(name, store)
    if name.startswith("/"):
        path = Path(name)
    else:
        number, _, below = name.partition("/")
        path = roots[int(number)] / below if int(number) < len(roots) else Path("/nowhere")
    if kind in ("exists", "link"):
        reads.probed(path)
        return looks.presence(str(path)) if kind == "exists" else looks.link(str(path))
    if kind != "file":
        return listed(str(path), kind, path in roots)
    return _digest(str(path), store)


def _digest(path: str, store: Store) -> str:
    try:
        return store.user_files.digest(path)
    except IsADirectoryError:
        return looks.FOLDER
    except OSError:
        return looks.ABSENT


def _distribution(name: str, store: Store) -> str:
    found = distributions.find(name)
    return found.identity(store.user_files.digest) if found else looks.ABSENT


def _module(name: str, store: Store) -> str:
    file = distributions.module_file(name)
    if file is None:
        return looks.ABSENT
    # The list of files of no distribution tells of it.
    reads.note("installed", file)
    return store.user_files.digest(Path(file))


INSTALLED: dict[str, Callable[[str, Store], str]] = {"dist": _distribution, "module": _module}
NAMED = (*SAID, *INSTALLED)
"""Kinds whose name is no path."""
AT_THE_END = ("file", *SAID)
"""Kinds of which nobody says at once what was there."""


def _place(path: Path, kind: str, roots: list[Path]) -> str:
    for number, root in enumerate(roots):
        absolute = Path(os.path.abspath(root))  # noqa: PTH100
        if path.is_relative_to(absolute):
            return f"{kind}:{number}/{path.relative_to(absolute).as_posix()}"
    return f"{kind}:{path.as_posix()}"
