"""Files that user code was seen to read: their digests then, and whether they are the same now."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from edgebuild import reads
from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.wires import UserCode
from edgebuild.engine.keys import ABSENT
from edgebuild.engine.store import Store
from edgebuild.engine.store.blobs import is_litter
from edgebuild.errors import Problem, StepError

Seen = list[list[str]]
"""Pairs of a place (`file:0/data/a.png`: kind, number of the root, path below; `file:/abs`) and a digest."""

SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var/lib")
# What a build itself writes beside a spec must not change what a listing of that folder gives.
OWN_OUTPUTS = ("build", "measurements")


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
    ours = [str(store.root), str(package), sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()]
    folders = [Path(os.path.abspath(folder)) for folder in (*ours, *SYSTEM)]  # noqa: PTH100
    return [str(folder) for folder in folders if not any(root.is_relative_to(folder) for root in roots)]


def seen_now(sightings: list[dict[str, Any]], roots: list[Path], store: Store, where: str) -> Seen:
    """The set to store with the row.

    Raises:
        StepError: a file is no longer what it was when the code read it.
    """
    seen: Seen = []
    for sighting in sightings:
        path = Path(sighting["path"])
        if sighting["kind"] in SAID:
            place = f"{sighting['kind']}:{sighting['path']}"
        else:
            place = _place(path, sighting["kind"], roots)
        digest = digest_place(place, roots, store)
        if sighting["kind"] == "file" and not sighting["folder"] and _stamp(path) != sighting["stat"]:
            raise changed(where, path)
        seen.append([place, digest])
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


def still_so(seen: Seen, roots: list[Path], store: Store) -> bool:
    """Whether all of a set is what it was."""
    return all(digest_place(place, roots, store) == digest for place, digest in seen)


def digest_place(place: str, roots: list[Path], store: Store) -> str:
    """Digest of a file, or of the names in a folder; `absent` where there is none."""
    kind, _, name = place.partition(":")
    if kind in SAID:
        return digest_of(SAID[kind](name).encode())
    if name.startswith("/"):
        path = Path(name)
    else:
        number, _, below = name.partition("/")
        path = roots[int(number)] / below if int(number) < len(roots) else Path("/nowhere")
    try:
        return store.user_files.digest(path) if kind == "file" else _listing(path, kind)
    except IsADirectoryError:
        return "folder"
    except OSError:
        return ABSENT


def _listing(folder: Path, kind: str) -> str:
    names = []
    for entry in os.scandir(folder):
        name = entry.name
        if (
            name.startswith(".")
            or is_litter(name)
            or name == "__pycache__"
            or name in OWN_OUTPUTS
            or name.endswith(".lock")
        ):
            continue
        if kind == "modules" and not (entry.is_dir() or name.endswith((".py", ".so", ".pyd"))):
            continue
        names.append(name)
    return digest_of(canonical_json(sorted(names)))


def _place(path: Path, kind: str, roots: list[Path]) -> str:
    for number, root in enumerate(roots):
        absolute = Path(os.path.abspath(root))  # noqa: PTH100
        if path.is_relative_to(absolute):
            return f"{kind}:{number}/{path.relative_to(absolute).as_posix()}"
    return f"{kind}:{path.as_posix()}"


def _stamp(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]
