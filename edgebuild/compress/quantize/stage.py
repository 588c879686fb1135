"""`quantize:` of a candidate."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from edgebuild.compress.base import Draft, Quantizer, Stage
from edgebuild.core.graph import Lowering

SHORT: dict[str, dict[str, str]] = {
    "int8": {"weights": "int8", "activations": "int8"},
    "float16": {"weights": "float16", "activations": "float16"},
    "dynamic": {"weights": "int8", "activations": "dynamic"},
}
"""What a bare word stands for."""


class Quantize(Stage):
    """Store numbers in fewer bits."""

    weights: Literal["int8", "float16"]
    """Type of the stored weights."""
    activations: Literal["int8", "float16", "dynamic", "float32"] = "float32"
    """Type of the values between layers; `dynamic` quantizes them at run time, from their own range."""
    per_channel: bool = True
    """One scale for each output channel of a weight; per tensor loses several dB (arXiv:1806.08342, section 3.1)."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        return SHORT.get(value, value) if isinstance(value, str) else value

    def describe(self) -> str:
        """`quantize weights int8, activations int8`."""
        return f"quantize weights {self.weights}, activations {self.activations}"

    def lower(self, to: Lowering, draft: Draft, target: Quantizer) -> Draft:
        """Ask the target: each runtime has its own way to the same numbers."""
        return target.quantize(to, draft, self)
