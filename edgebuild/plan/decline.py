"""A refusal known before any work, as a node of the graph: it flows to the report like every other."""

from __future__ import annotations

from typing import ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Refusal
from edgebuild.errors import Refused


class Decline(Step):
    """Refuse, for the reason it was made with."""

    version: ClassVar[int] = 1
    filename: ClassVar[str] = "model"
    inline: ClassVar[bool] = True

    refusal: Refusal

    def run(self, work: Workspace) -> None:  # noqa: ARG002 - the protocol of every step
        """Raises: Refused: always."""
        raise Refused(by=self.refusal.by, why=self.refusal.why, fix=self.refusal.fix, kind=self.refusal.kind)
