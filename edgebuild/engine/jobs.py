"""Orders on their way through the crew."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgebuild.core.step import Step
from edgebuild.engine.leases import Lease
from edgebuild.engine.orders import Answer, Order


@dataclass(order=True)
class Job:
    """An order in the queue."""

    priority: int
    number: int
    order: Order = field(compare=False)
    lacks: set[str] = field(default_factory=set, compare=False)
    """Steps whose bytes it waits for."""
    bytes: int = field(default=0, compare=False)
    """Memory that it is expected to take while it runs."""
    lease: Lease | None = field(default=None, compare=False)
    known: Answer | None = field(default=None, compare=False)
    """What another build made of it in the meantime."""

    @property
    def step(self) -> Step:
        """Whose order it is."""
        return self.order.step
