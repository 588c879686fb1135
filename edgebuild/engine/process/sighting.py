"""One thing that a process was seen to read, look at or list, as it was before."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from edgebuild import looks, stamps

Sighting = dict[str, Any]
"""`path` (absolute) and `kind`: `file`, `exists`, `link` (looked at, not followed), `names` of a folder, `modules` of a
searched one, `dist` and `module` (installed), or one of `reads`. `stat` is from before it was read, None where absent;
`said` is what was found then, where that is known; `before` the digest of a file that was opened to be changed; `own`
marks what the process itself wrote to later: a file, or a folder whose names it changed."""
Key = tuple[str, str]
"""Kind and path."""

# As it was before anybody put another in its place.
_readlink = os.readlink


def sight(name: str, kind: str, own: bool, young_after: int | None) -> Sighting:
    """How something is now.

    Args:
        name: absolute path.
        kind: `file`, `exists`, `link`, `names` or `modules`.
        own: whether it is a folder that edgebuild writes to.
        young_after: see `Witness.young_after`.
    """
    sighting: Sighting = {"path": name, "kind": kind, "stat": None, "folder": False}
    if kind in ("exists", "link"):
        sighting["said"] = looks.presence(name) if kind == "exists" else looks.link(name)
        return sighting
    if kind != "file":
        sighting["said"] = listed(name, kind, own)
    with contextlib.suppress(OSError, ValueError):
        found = os.stat(name)  # noqa: PTH116
        sighting["stat"] = state(found)
        sighting["folder"] = stat.S_ISDIR(found.st_mode)
        young = young_after is not None and max(found.st_mtime_ns, found.st_ctime_ns) >= young_after
        if young_after is not None and kind != "file":
            sighting["listing"] = stamps.listing(name)
        if young and kind == "file" and stat.S_ISREG(found.st_mode):
            sighting["young"] = stamps.digest(name)
    return sighting


def state(found: os.stat_result) -> list[int]:
    """Size, modification time in ns, inode, and change time in ns."""
    return [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]


def state_of(path: str | Path) -> list[int] | None:
    """The `state` of a path as it is now; None where nothing can be looked at."""
    try:
        return state(os.stat(path))  # noqa: PTH116
    except OSError:
        return None


def content(name: str) -> str:
    """The digest of a plain file, "" for anything else."""
    try:
        return "sha256:" + stamps.digest(name).hex() if looks.presence(name).startswith("file") else ""
    except OSError:
        return ""


def listed(folder: str, kind: str, own: bool) -> str:
    """A digest of the `names` in a folder, or of the `modules`; `absent` where it cannot be listed."""
    try:
        found = looks.names(folder, own) if kind == "names" else looks.modules(folder, own)
    except (OSError, ValueError):
        return looks.ABSENT
    return "sha256:" + stamps.sha256("\0".join(found).encode(errors="surrogateescape")).hex()


def told_apart(sightings: dict[Key, Sighting], written: Iterable[str]) -> list[Sighting]:
    """In a fixed order, without looks at what was read anyway; what the process itself made or wrote to is marked."""
    present = [one["path"] for one in sightings.values() if one["stat"] is not None or _is_there(one)]
    inside = set(ancestors(os.path.dirname(path) for path in present))  # noqa: PTH120
    written = set(written)
    own = {os.path.dirname(path) for path in written}  # noqa: PTH120
    found = []
    for key in sorted(sightings):
        sighting = sightings[key]
        kind, path = key
        known = any((other, path) in sightings for other in ("file", "names"))
        implied = known or (sighting.get("said") == looks.FOLDER and path in inside)
        if kind in ("exists", "link") and implied and not sighting["said"].startswith("link "):
            continue
        ours = path in (own if kind in ("names", "modules") else written)
        found.append({**sighting, "own": True} if ours else sighting)
    return found


def _is_there(sighting: Sighting) -> bool:
    return sighting["kind"] in ("exists", "link") and sighting["said"] != looks.ABSENT


def ancestors(paths: Iterable[str]) -> Iterator[str]:
    """Each path and every folder that it is in, each once."""
    known: set[str] = set()
    for path in paths:
        folder = path
        while folder not in known:
            known.add(folder)
            yield folder
            folder = os.path.dirname(folder)  # noqa: PTH120


def full(path: Any, below: int | str | None = None) -> str:
    """An absolute path; of a descriptor what it stands for; "" where nobody can tell.

    Args:
        path: as a function of `os` takes it.
        below: folder that a relative one starts in, or its descriptor; -1 and None for the current folder.
    """
    if isinstance(path, int):
        return behind(path)
    if path is None:
        path = "."
    if not isinstance(path, str | bytes | os.PathLike):
        return ""
    name = os.fsdecode(path)
    if below not in (None, -1) and not name.startswith("/"):
        folder = behind(below) if isinstance(below, int) else below
        name = f"{folder}/{name}" if folder else ""
    return os.path.abspath(name) if name else ""  # noqa: PTH100 - one call, no import inside a hook


def behind(descriptor: int) -> str:
    """The path that a descriptor was opened by; "" where there is none, or the system does not tell."""
    try:
        name = _readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""
    return name if name.startswith("/") else ""
