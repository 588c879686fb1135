"""The installation an answer was found with: what must be as it was for a remembered answer to hold."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def paths() -> list[str]:
    """Files and folders whose change means that something was installed, removed or edited; sorted, each once.

    The interpreter, every folder of the import path, each `.pth` and each distribution's list of files; edgebuild's own
    modules and what ships with it where it runs from a checkout.
    """
    found = {sys.executable, os.path.realpath(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg")}  # noqa: PTH118
    for folder in sys.path:
        found.add(folder or os.curdir)
        found.update(_listed(folder))
    if "site-packages" not in PACKAGE.parts:
        found.update(_tree(PACKAGE))
        for name in ("specs", "templates"):
            found.update(_tree(PACKAGE.parent / name))
    return sorted(os.path.abspath(path) for path in found)  # noqa: PTH100


def _listed(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - strings, by the hundred
    except OSError:
        return
    for name in names:
        if name.endswith(".pth"):
            yield f"{folder}/{name}"
        elif name.endswith(".dist-info"):
            yield f"{folder}/{name}/RECORD"
            yield f"{folder}/{name}/direct_url.json"


def _tree(folder: Path) -> Iterator[str]:
    for base, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield base
        yield from (f"{base}/{name}" for name in files if not name.endswith(".pyc"))


def stamp(path: str) -> tuple[int, int, int, int, int]:
    """Modification and change time in ns, size, inode and device; zeros where nothing is."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return (0, 0, 0, 0, 0)
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)


def identity() -> str:
    """One digest of all of it, as long as nothing is installed the same."""
    content = repr([(path, stamp(path)) for path in paths()])
    return sha256(f"{sys.version}\0{sys.platform}\0{content}".encode()).hexdigest()
