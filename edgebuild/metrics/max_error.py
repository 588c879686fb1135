"""The largest difference between the candidate's outputs and the source's."""

from __future__ import annotations

from typing import ClassVar, Literal

from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.pick import compared, worst


class MaxError(Metric):
    """max |output - reference| over all samples and values; without `output` the worst output.

    It has no interval: a maximum over some samples says nothing about the next one.
    """

    metric: Literal["max_error"] = "max_error"

    unit: ClassVar[str] = "1"
    better: ClassVar[Literal["lower", "higher"]] = "lower"
    needs_labels: ClassVar[bool] = False

    def draws_wanted(self) -> int:
        """None."""
        return 0

    def value(self, samples: Samples) -> float:
        """In the output's unit. Raises: DataError: an output cannot be compared with the reference's."""
        return worst(self.by_output(samples), self.better)

    def by_output(self, samples: Samples) -> dict[str, float]:
        """In the output's unit, for each output."""
        return {name: float(abs(ours - theirs).max()) for name, (ours, theirs) in compared(self, samples).items()}
