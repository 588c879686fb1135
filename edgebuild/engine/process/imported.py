"""Installed distributions that a process has loaded something of, and installed modules of none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

from edgebuild import reads
from edgebuild.core import distributions
from edgebuild.engine.process.sighting import Sighting

OURS = ("edgebuild", "_virtualenv", "_distutils_hack")
"""Counts by the versions of steps; and what whoever made the environment has every interpreter load."""


def imported(sites: list[str]) -> list[Sighting]:
    """One `dist` for each distribution, with its identity; one `module` for each file of none, with its digest.

    Args:
        sites: folders that packages are installed into.
    """
    found: dict[tuple[str, str], str] = {}
    for site in sites:
        last: distributions.Distribution | None = None
        for file in sorted(_files(site + "/")):
            owner = last if last and last.owns(file) else distributions.owner(site, file)
            if owner is None:
                found["module", _dotted(file)] = reads.digest(Path(site, file))
            elif owner is not last:
                found["dist", owner.name] = owner.identity(reads.digest)
                last = owner
    return [{"kind": kind, "path": name, "stat": None, "said": said} for (kind, name), said in sorted(found.items())]


def _files(site: str) -> Iterator[str]:
    for module in list(sys.modules.values()):
        file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
        if isinstance(file, str) and file.startswith(site):
            below = file.removeprefix(site)
            if below.partition("/")[0].partition(".")[0] not in OURS:
                yield below


def _dotted(file: str) -> str:
    for ending in ("/__init__.py", *EXTENSION_SUFFIXES, ".py"):
        if file.endswith(ending):
            return file.removesuffix(ending).replace("/", ".")
    return file.replace("/", ".")
