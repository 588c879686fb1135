"""`quantize:` of a candidate."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from edgebuild.compress.base import Compressor, Draft, Stage
from edgebuild.core.graph import Lowering

SHORT: dict[str, dict[str, str]] = {
    "int8": {"weights": "int8", "activations": "int8"},
    "float16": {"weights": "float16", "activations": "float16"},
    "dynamic": {"weights": "int8", "activations": "dynamic"},
    "mixed": {"weights": "mixed", "activations": "int8"},
}
"""What a bare word stands for."""
SLOTS = 4
"""Members of a search's front that become candidates."""


class Quantize(Stage):
    """Store numbers in fewer bits."""

    weights: Literal[
        "int8", "int4", "float16", "palette1", "palette2", "palette3", "palette4", "palette6", "palette8", "mixed"
    ]
    """Type of the stored weights; a palette of so many bits holds the values, the weights are indexes into it; `mixed`
    searches which layers gain by integers on the target, and ends with several candidates."""
    activations: Literal["int8", "float16", "dynamic", "float32"] | None = None
    """Type of the values between layers; `dynamic` quantizes them at run time, from their own range. Left out, the
    runtime's own: float16 on Core ML, float32 elsewhere."""
    per_channel: bool = True
    """One scale for each output channel of a weight; per tensor loses several dB (arXiv:1806.08342, section 3.1)."""

    keep_float: tuple[str, ...] = ()
    """Layers that stay in floating point, by name or glob; of `mixed` alone, as `edgebuild report` lists them."""

    @property
    def slots(self) -> int:
        """Four for a search."""
        return SLOTS if self.weights == "mixed" else 1

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        return SHORT.get(value, value) if isinstance(value, str) else value

    def describe(self) -> str:
        """`quantize weights int8, activations int8`."""
        between = f", activations {self.activations}" if self.activations else ""
        return f"quantize weights {self.weights}{between}"

    def lower(self, to: Lowering, draft: Draft, target: Compressor) -> Draft:
        """Ask the target: each runtime has its own way to the same numbers."""
        how = self if self.activations else self.model_copy(update={"activations": target.arithmetic})
        return target.quantize(to, draft, how)
