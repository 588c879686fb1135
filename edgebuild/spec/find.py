"""Which specs a command means."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgebuild.errors import SpecError
from edgebuild.reads import probed
from edgebuild.spec.compose import compose, extended
from edgebuild.spec.written import Written

SUFFIX = ".edge.yaml"
NOT_OURS = frozenset({"build", "dist", "node_modules", "venv", "env", "__pycache__", "site-packages"})


def find(paths: Iterable[Path] = ()) -> list[Path]:
    """The specs that paths name, each once: files as they are, folders with every `*.edge.yaml` below them.

    None means the current folder. Hidden, build and virtual-environment folders are left out, and so is a base: a file
    that another one in the folder extends and that is no whole spec in itself.
    """
    given = list(paths) or [Path()]
    found: dict[Path, Path] = {}
    for path in given:
        for file in whole(list(below(path))) if path.is_dir() else [path]:
            found.setdefault(file.absolute(), file)
    return list(found.values())


def candidates(paths: Iterable[Path] = ()) -> tuple[list[Path], list[Path]]:
    """Files that are named, and files below folders that are; the latter may hold bases (see `find`)."""
    given = list(paths) or [Path()]
    named = [path for path in given if not path.is_dir()]
    return named, [file for path in given if path.is_dir() for file in below(path)]


def whole(files: list[Path]) -> list[Path]:
    """The files without those that are only there to be extended."""
    bases = {base for file in files if len(files) > 1 for base in extended(file)}
    return [file for file in files if file.resolve() not in bases or complete(file)]


def complete(file: Path) -> bool:
    """Whether a file has, with what it extends, every key that a spec needs; also where it cannot be read."""
    try:
        value = compose(file)[0].value
    except SpecError:
        return True
    return all(name in value for name, field in Written.model_fields.items() if field.is_required())


def below(folder: Path) -> Iterator[Path]:
    """Every spec below a folder, sorted."""
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not foreign(Path(root) / name))
        yield from (Path(root) / name for name in sorted(files) if name.endswith(SUFFIX) and not name.startswith("."))


def foreign(folder: Path) -> bool:
    """Whether a folder holds nothing a person wrote."""
    return folder.name.startswith(".") or folder.name in NOT_OURS or os.path.isfile(probed(folder / "pyvenv.cfg"))  # noqa: PTH113 - says no where it may not look
