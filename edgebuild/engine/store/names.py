"""Names in a folder that every system can hold, and two systems hold alike."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from edgebuild.engine.store.blobs import is_litter
from edgebuild.errors import Problem, StepError


def entries(folder: Path, where: str) -> Iterator[os.DirEntry[str]]:
    """What a folder holds, by name; litter left out.

    Raises:
        StepError: a symbolic link, device or socket; a name that is no UTF-8; two names that differ by case or by the
            spelling of an accent alone.
    """
    names: dict[str, str] = {}
    for entry in sorted(os.scandir(folder), key=lambda item: item.name):
        if is_litter(entry.name):
            continue
        if not _is_text(entry.name):
            shown = os.fsencode(entry.name).decode(errors="backslashreplace")
            raise StepError(Problem(where, f"`{shown}` is no name in UTF-8.", "Name it in plain letters."))
        mode = entry.stat(follow_symlinks=False).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise StepError(
                Problem(where, f"`{entry.name}` is neither a file nor a folder.", "Write the content, not a link.")
            )
        twin = names.setdefault(_alike(entry.name), entry.name)
        if twin != entry.name:
            how = "the spelling of an accent" if _composed(twin) == _composed(entry.name) else "case"
            raise StepError(
                Problem(where, f"`{twin}` and `{entry.name}` differ by {how} alone.", "Other systems cannot hold both.")
            )
        yield entry


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _alike(name: str) -> str:
    """One text for all names that some system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
