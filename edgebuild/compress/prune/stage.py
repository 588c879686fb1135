"""`prune:` of a candidate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edgebuild.compress.base import Compressor, Draft, Stage
from edgebuild.core.graph import Lowering


class Prune(Stage):
    """Leave out the weights of least magnitude, so that a model takes less space."""

    keep: float = Field(gt=0, lt=1)
    """Part of each layer's weights that stays."""
    pattern: Literal["unstructured"]
    """`unstructured`: single weights, wherever they lie. That makes a model smaller, not faster."""

    def describe(self) -> str:
        """`prune 50 % of the weights`."""
        return f"prune {1 - self.keep:.0%} of the weights".replace("%", " %")

    def lower(self, to: Lowering, draft: Draft, target: Compressor) -> Draft:
        """Ask the target: few runtimes store what is left out as such."""
        return target.prune(to, draft, self)
