"""What looking at a path says without reading it: whether it is there, of what kind and size, which names it holds.

Imports what the interpreter has built in and nothing else: the answer of a build with nothing to do rests on it.
"""

import os
from stat import S_ISDIR, S_ISREG

ABSENT = "absent"
FOLDER = "folder"
LITTER = ("__pycache__/", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What Python and file managers leave behind: in no listing, and neither is `._*`."""
SPEC = ".edge.yaml"
OWN_OUTPUTS = ("build/", "measurements/")
"""Folders that a build itself writes beside a spec: they must not change what a listing of that folder says."""
MODULES = (".py", ".so", ".pyd", "/")

# As they were before anybody put others in their place.
_stat, _readlink = os.stat, os.readlink


def presence(path: str) -> str:
    """`absent`, `folder`, `file` with its size, or `other`; of what a link leads to."""
    try:
        found = _stat(path)
    except (OSError, ValueError):
        return ABSENT
    if S_ISDIR(found.st_mode):
        return FOLDER
    return f"file {found.st_size}" if S_ISREG(found.st_mode) else "other"


def link(path: str) -> str:
    """Where a link leads; as `presence` for what is none."""
    try:
        return f"link {_readlink(path)}"
    except (OSError, ValueError):
        return presence(path)


def names(folder: str, own: bool = False) -> "list[str]":
    """The names in a folder, sorted, those of folders with a slash.

    Args:
        folder: which.
        own: whether it is a spec's own, as one that holds a spec is; what edgebuild writes there is left out.

    Raises:
        OSError: it cannot be listed.
    """
    with os.scandir(folder) as entries:
        found = [entry.name + "/" if entry.is_dir() else entry.name for entry in entries]
    found = [name for name in found if name not in LITTER and not name.startswith("._")]
    if own or any(name.endswith(SPEC) for name in found):
        locks = {f"{name.rpartition('.')[0]}.lock" for name in found if name.endswith((".yaml", ".yml"))}
        found = [name for name in found if name not in locks and name not in OWN_OUTPUTS and not is_swap(name)]
    return sorted(found)


def modules(folder: str, own: bool = False) -> "list[str]":
    """Of the `names` those that an import can mean."""
    return [name for name in names(folder, own) if name.endswith(MODULES) and not name.startswith(".")]


def is_swap(name: str) -> bool:
    """Whether an editor that has a file open writes what has that name beside it."""
    swap = name.startswith(".") and name.endswith((".swp", ".swo", ".swx"))
    return swap or name.endswith("~") or name.startswith((".#", "#"))
