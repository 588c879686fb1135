"""What processes that were forked from this one see; they tell through a file, since their memory is their own."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any


class Forks:
    """The file, and in a forked process the way to it."""

    def __init__(self, place: str) -> None:
        """Args: place: of the file; every process appends to it."""
        self.forked = False
        """Whether this process is one of them."""
        self._place = place
        self._line = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self.forked = True

    def tell(self, what: dict[str, Any]) -> None:
        """One line, in one write, so that lines of several processes do not mix."""
        with contextlib.suppress(OSError):
            os.write(self._line, json.dumps(what).encode() + b"\n")

    def told(self) -> list[dict[str, Any]]:
        """All lines so far; of a process that was killed while it wrote, the whole ones."""
        found = []
        with open(self._place, "rb") as file:  # noqa: PTH123
            for line in file:
                with contextlib.suppress(ValueError):
                    found.append(json.loads(line))
        return found
