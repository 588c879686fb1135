"""Who watches a build."""

from __future__ import annotations

from typing import Protocol

from edgebuild.engine.leases import Holder
from edgebuild.engine.outcomes import Outcome


class Listener(Protocol):
    """Who watches a build; called in the thread that builds, but for `progress`."""

    def queued(self, total: int) -> None:
        """So many steps are part of the build."""

    def started(self, step_id: str) -> None:
        """A step begins to run."""

    def progress(self, step_id: str, done: int, total: int, what: str) -> None:
        """A running step tells how far it is; called from the thread that waits for it."""

    def waiting(self, step_id: str, holder: Holder) -> None:
        """Another build makes this very step; called once for each."""

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

    def waiting(self, step_id: str, holder: Holder) -> None:
        """Say nothing."""

    def finished(self, step_id: str, outcome: Outcome, seconds: float, cached: bool) -> None:
        """Say nothing."""
