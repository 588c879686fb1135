"""What it takes to start the process of a step."""

from __future__ import annotations

from dataclasses import dataclass

Family = tuple[str, ...]
"""Modules that a parent has imported before it is asked for children."""


@dataclass(frozen=True)
class Launch:
    """What is started."""

    job: str
    """File that says which step, and where its inputs and its output are."""
    env: dict[str, str]
    cwd: str
    path: list[str]
    """Folders from which edgebuild and the step's class are imported."""
    family: Family | None
    """The parent it may be forked from; None for an interpreter of its own (the user's code)."""
    timeout_s: float
    most_bytes: int | None = None
    """Memory that it may take."""
