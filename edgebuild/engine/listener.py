"""Who watches a build."""

from __future__ import annotations

from typing import Protocol

from edgebuild.engine.outcomes import Outcome


class Listener(Protocol):
    """Who watches a build; called in the thread that builds, but for `progress` and `waiting`."""

    def queued(self, total: int) -> None:
        """So many steps are part of the build."""

    def started(self, step_id: str) -> None:
        """A step begins to run."""

    def progress(self, step_id: str, done: int, total: int, what: str) -> None:
        """A running step tells how far it is; called from the thread that waits for it."""

    def waiting(self, step_id: str, why: str) -> None:
        """It waits for somebody else; of the whole build where the step is empty. May come from another thread."""

    def finished(self, step_id: str, outcome: Outcome, seconds: float, cached: bool) -> None:
        """A step has its outcome; `cached` where it did not run."""


class Quiet:
    """Watches nothing."""

    def queued(self, total: int) -> None:
        """Say nothing."""

    def started(self, step_id: str) -> None:
        """Say nothing."""

    def progress(self, step_id: str, done: int, total: int, what: str) -> None:
        """Say nothing."""

    def waiting(self, step_id: str, why: str) -> None:
        """Say nothing."""

    def finished(self, step_id: str, outcome: Outcome, seconds: float, cached: bool) -> None:
        """Say nothing."""
