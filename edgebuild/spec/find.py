"""Which specs a command means."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIX = ".edge.yaml"
NOT_OURS = frozenset({"build", "dist", "node_modules", "venv", "env", "__pycache__", "site-packages"})


def find(paths: Iterable[Path] = ()) -> list[Path]:
    """The specs that paths name, each once: files as they are, folders with every `*.edge.yaml` below them.

    None means the current folder. Hidden, build and virtual-environment folders are left out.
    """
    given = list(paths) or [Path()]
    found: dict[Path, Path] = {}
    for path in given:
        for file in below(path) if path.is_dir() else [path]:
            found.setdefault(file.absolute(), file)
    return list(found.values())


def below(folder: Path) -> Iterator[Path]:
    """Every spec below a folder, sorted."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not foreign(Path(root) / name))
        yield from (Path(root) / name for name in sorted(files) if name.endswith(SUFFIX) and not name.startswith("."))


def foreign(folder: Path) -> bool:
    """Whether a folder holds nothing a person wrote."""
    return folder.name.startswith(".") or folder.name in NOT_OURS or os.path.isfile(folder / "pyvenv.cfg")  # noqa: PTH113 - says no where it may not look
