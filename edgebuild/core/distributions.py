"""What is installed where steps run: distributions by version and by the list of their files, and who owns a module.

Read from the `.dist-info` folders themselves: `importlib.metadata` takes longer to import than a walk has for it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any, NamedTuple

SITES = ("site-packages", "dist-packages")
KNOWN = {
    "PIL": "pillow",
    "cv2": "opencv-python",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "PyYAML",
}
"""Import names that differ from their distribution's; others are looked up in every list of files."""

TICK_NS = 2_000_000_000
Digest = Callable[[Path], str]


class Distribution(NamedTuple):
    """One that is installed."""

    name: str
    """As indexes compare names: `scikit-learn`."""
    version: str
    info: str = ""
    """Its `.dist-info`; "" for an older way of installing, without a list of files."""

    @property
    def site(self) -> str:
        """The folder it is installed in."""
        return os.path.dirname(self.info)  # noqa: PTH120 - texts, by the hundred

    def read(self, file: str) -> bytes:
        """A file of its `.dist-info`; empty where there is none."""
        try:
            return Path(self.info, file).read_bytes() if self.info else b""
        except OSError:
            return b""

    @property
    def origin(self) -> dict[str, Any]:
        """Where it came from, as `direct_url.json` says; empty where it came from an index."""
        found: dict[str, Any] = json.loads(self.read("direct_url.json") or b"{}")
        return found

    @property
    def editable(self) -> bool:
        """Whether it runs from a folder that somebody edits."""
        return bool(self.origin.get("dir_info", {}).get("editable"))

    def identity(self, digest: Digest) -> str:
        """Version, and a digest of its files as they were installed: equal wherever the same wheel is.

        Args:
            digest: of a file, for those that the list has no digest of.
        """
        files, bare = _files(self.info, _stamp(f"{self.info}/RECORD")) if self.info else ("", ())
        parts = [files, *(digest(Path(self.site, name)) for name in bare if os.path.isfile(f"{self.site}/{name}"))]  # noqa: PTH113
        return f"{self.version} {sha256(chr(10).join(parts).encode()).hexdigest()[:16]}" if files else self.version

    def owns(self, file: str) -> bool:
        """Whether a file is in its list; by path below the site folder."""
        return file in _names(self.info, _stamp(f"{self.info}/RECORD"))

    def holds(self, package: str) -> bool:
        """Whether it brings a module or package of that name."""
        text = b"\n" + self.read("RECORD")
        endings = ("/", *(ending + "," for ending in (".py", *EXTENSION_SUFFIXES)))
        listed = any(b"\n" + (package + ending).encode() in text for ending in endings)
        return listed or package in self.read("top_level.txt").decode(errors="replace").split()


def _stamp(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


@cache
def _files(info: str, stamp: tuple[int, int, int]) -> tuple[str, tuple[str, ...]]:  # noqa: ARG001 - read again when it is another
    try:
        lines = sorted(_of_the_wheel(info, Path(info, "RECORD").read_bytes()))
    except OSError:
        return "", ()
    bare = [line[:-2].decode(errors="surrogateescape").strip('"') for line in lines if line.endswith(b",,")]
    return sha256(b"\n".join(lines)).hexdigest(), tuple(bare)


def _of_the_wheel(info: str, record: bytes) -> list[bytes]:
    """The lines in which two installations of one wheel are equal: not scripts, bytecode, who installed it and when."""
    apart = (os.path.basename(info).encode() + b"/", b"/")  # noqa: PTH119
    lines = [line for line in record.splitlines() if b"__pycache__/" not in line and not line.startswith(apart)]
    return [line for line in lines if not (line.startswith(b"../") and b"bin/" in line)]


@cache
def _names(info: str, stamp: tuple[int, int, int]) -> frozenset[str]:  # noqa: ARG001
    try:
        with open(f"{info}/RECORD", encoding="utf-8", newline="") as record:  # noqa: PTH123
            return frozenset(line[0] for line in csv.reader(record) if line)
    except OSError:
        return frozenset()


def path() -> list[str]:
    """Folders in which steps find modules: the environment's, not PYTHONPATH, the user's own or the current folder."""
    hidden = {os.path.abspath(folder) for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder}  # noqa: PTH100
    site = sys.modules.get("site")
    if site is not None and getattr(site, "ENABLE_USER_SITE", False):
        hidden.add(os.path.abspath(site.getusersitepackages()))  # noqa: PTH100
    first = None if sys.flags.safe_path or not sys.path or _is_site(sys.path[0]) else sys.path[0]
    found = [folder for folder in sys.path[first is not None :] if folder]
    return [folder for folder in found if os.path.abspath(folder) not in hidden]  # noqa: PTH100


def sites() -> list[str]:
    """The folders of `path` that packages are installed into."""
    return [folder for folder in path() if _is_site(folder)]


def _is_site(folder: str) -> bool:
    return os.path.basename(folder.rstrip("/")) in SITES  # noqa: PTH119


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def every() -> Iterator[Distribution]:
    """All with a `.dist-info`, in the order in which they are found."""
    for folder in path():
        yield from _in(folder).values()


def _in(folder: str) -> dict[str, Distribution]:
    stamp = _stamp(folder)
    # Changed so lately, it may change again within one tick of the clock.
    listed = _listed if time.time_ns() - stamp[0] > TICK_NS else _listed.__wrapped__
    return listed(folder, stamp)


@cache
def _listed(folder: str, stamp: tuple[int, int, int]) -> dict[str, Distribution]:  # noqa: ARG001
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return {}
    found: dict[str, Distribution] = {}
    for name in names:
        if name.endswith(".dist-info"):
            written, _, version = name.removesuffix(".dist-info").partition("-")
            one = Distribution(canonical(written), version, f"{folder}/{name}")
            found.setdefault(one.name, one)
    return found


def find(name: str) -> Distribution | None:
    """The distribution that a step would use; None where none of that name is installed for it."""
    wanted, folders = canonical(name), path()
    for folder in folders:
        known = _in(folder).get(wanted)
        if known:
            return known
    return _older(name, tuple(folders))


@cache
def _older(name: str, folders: tuple[str, ...]) -> Distribution | None:
    """One that a system's packages or `setup.py develop` left as `.egg-info`."""
    from importlib import metadata

    for found in metadata.distributions(name=name, path=list(folders)):
        return Distribution(canonical(name), found.version)
    return None


def owners(package: str) -> list[Distribution]:
    """The distributions behind an import name; several where they share a namespace."""
    named = find(KNOWN.get(package, package))
    if named and (not named.info or named.editable or named.holds(package)):
        return [named]
    found = [one for one in every() if one.holds(package)]
    return found or ([named] if named else [])


def owner(site: str, file: str) -> Distribution | None:
    """The distribution that a file of a site folder was installed with; None where it was put there otherwise."""
    package = file.partition("/")[0].partition(".")[0]
    named = find(KNOWN.get(package, package))
    # A system's packages have no list of their files.
    if named and (named.owns(file) or not named.read("RECORD")):
        return named
    return next((one for one in _holders(site, _stamp(site), package) if one.owns(file)), None)


@cache
def _holders(site: str, stamp: tuple[int, int, int], package: str) -> tuple[Distribution, ...]:
    return tuple(one for one in _listed(site, stamp).values() if one.holds(package))


def module_file(name: str) -> str | None:
    """Where a module of the site folders lies, without importing what it is in; None where there is none."""
    parts = name.replace(".", "/")
    for folder in sites():
        for ending in ("/__init__.py", *EXTENSION_SUFFIXES, ".py"):
            file = f"{folder}/{parts}{ending}"
            if os.path.isfile(file):  # noqa: PTH113
                return file
    return None
