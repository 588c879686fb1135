"""Functions of `os` that ask what is there, in the process that runs the user's code: Python tells no hook of them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from edgebuild.engine.process.witness import Witness

LOOKS = {"stat": "exists", "lstat": "link", "readlink": "link", "access": "exists"}
"""What is asked through `os.path`, `pathlib` and `glob` comes to these; the import system has its own and is not heard.
Each with the kind of the sighting."""


class Asked:
    """A function of `os` in its place, called as it is; no method of a class that holds it, as it is none itself."""

    def __init__(self, original: Callable[..., Any], witness: Witness, kind: str) -> None:
        self.original, self._witness, self._kind = original, witness, kind
        functools.update_wrapper(self, original)
        self.__module__ = "os"

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """As the original."""
        path = arguments[0] if arguments else options.get("path")
        # What is asked of a descriptor is of a file that was opened.
        if not isinstance(path, int):
            kind = self._kind if options.get("follow_symlinks", True) else "link"
            self._witness.looked(path, options.get("dir_fd"), kind)
        return self.original(*arguments, **options)

    def __reduce__(self) -> str:
        return self.original.__name__


class OpenedBelow(Asked):
    """`os.open`, whose event does not tell the folder that a path starts in."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """As the original."""
        below = options.get("dir_fd")
        if below is None:
            return self.original(*arguments, **options)
        with self._witness.opening_below(below):
            return self.original(*arguments, **options)


class Probes:
    """All of them, put in place and taken out again."""

    def __init__(self, witness: Witness) -> None:
        self._asked: dict[str, Asked] = {name: Asked(getattr(os, name), witness, kind) for name, kind in LOOKS.items()}
        self._asked["open"] = OpenedBelow(os.open, witness, "file")

    def __enter__(self) -> None:
        for name, asked in self._asked.items():
            self._put(name, getattr(os, name), asked)

    def __exit__(self, *error: object) -> None:
        for name, asked in self._asked.items():
            self._put(name, asked, asked.original)

    def _put(self, name: str, old: Any, new: Any) -> None:
        setattr(os, name, new)
        # Where libraries look up what a function can do.
        for can in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids):
            if old in can:
                can.add(new)
