"""What a process looks at without opening it: whether files exist, the environment, the date, states of the kernel.

Python tells its audit hooks of every file that is opened and every folder that is listed, but not of these. Whoever
remembers an answer (a plan, a stamp of a whole build) listens here, and asks again when one of them is another.
And what a file holds, which whoever has a store need not read twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

Listener = Callable[[str, str], None]

listeners: list[Listener] = []
"""Called with a kind (`file`, `env`, `day`, `content`, `installed` for a file of the installation) and a name."""


CHUNK = 1 << 20


def streamed(path: Path) -> str:
    """`sha256:…` of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    content = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            content.update(piece)
    return "sha256:" + content.hexdigest()


_digest: Callable[[Path], str] = streamed


def digest(path: Path) -> str:
    """`sha256:…` of a file's bytes, as whoever keeps digests knows it (see `digested_by`).

    Raises:
        OSError: it cannot be read.
    """
    return _digest(path)


@contextmanager
def digested_by(keeper: Callable[[Path], str]) -> Iterator[None]:
    """Within it `digest` asks somebody who need not read a file again."""
    global _digest  # noqa: PLW0603 - one process plans one build
    before, _digest = _digest, keeper
    try:
        yield
    finally:
        _digest = before


def note(kind: str, name: str) -> None:
    """Tell the listeners."""
    for listener in listeners:
        listener(kind, name)


def probed(path: Path) -> Path:
    """A path whose existence or kind decides something."""
    looked_at(path)
    return path


def looked_at(path: Path | str) -> None:
    """Say so of a path."""
    if listeners:
        note("file", os.path.abspath(path))  # noqa: PTH100 - `Path.absolute` keeps `..`


def environ(name: str, default: str | None = None) -> str | None:
    """The value of an environment variable that decides something."""
    note("env", name)
    return os.environ.get(name, default)


def today() -> date:
    """The date, where something depends on it."""
    note("day", "")
    return date.today()


def state(path: Path) -> str:
    """Text of a small file of the kernel's that changes when somebody changes the machine; "" where there is none."""
    note("content", str(path))
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
