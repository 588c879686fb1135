"""`quantize:` of a candidate."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from edgebuild.compress.base import Compressor, Draft, Stage
from edgebuild.core.graph import Lowering
from edgebuild.errors import Refused

SHORT: dict[str, dict[str, str]] = {
    "int8": {"weights": "int8", "activations": "int8"},
    "float16": {"weights": "float16", "activations": "float16"},
    "dynamic": {"weights": "int8", "activations": "dynamic"},
    "mixed": {"weights": "mixed", "activations": "int8"},
}
"""What a bare word stands for."""
Repair = Literal["equalize", "smooth", "percentile", "entropy", "mse", "ends", "rounding", "bias"]
RANGES = ("percentile", "entropy", "mse")
"""Of the repairs those that choose ranges; there is one way at a time."""
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

    repair: Literal["none", "auto"] | tuple[Repair, ...] | None = None
    """What is done so that static INT8 loses less. `auto` tries all and keeps what brings 0.3 dB on samples that
    nothing was calibrated with; a list does what it names. `equalize` and `smooth` rescale channels, `percentile`,
    `entropy` and `mse` choose ranges, `rounding` and `bias` correct what was rounded, `ends` leaves the first and the
    last layer in float32. Left out: `auto` for `mixed`, else `none`."""

    @property
    def slots(self) -> int:
        """Four for a search."""
        return SLOTS if self.weights == "mixed" else 1

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        if isinstance(value, str):
            return SHORT.get(value, value)
        # Strict pydantic takes a list of JSON for a tuple, but not behind a function such as this.
        lists = isinstance(value, dict)
        return {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()} if lists else value

    @model_validator(mode="after")
    def _searched(self) -> Quantize:
        if self.keep_float and self.weights != "mixed":
            raise ValueError("must have `mixed` for `keep_float`")
        if self.weights == "mixed" and not self.per_channel:
            raise ValueError("must be per channel for `mixed`")
        return self

    @model_validator(mode="after")
    def _repairable(self) -> Quantize:
        if self.repair in (None, "none"):
            return self
        if self.weights not in ("int8", "mixed") or self.activations != "int8":
            raise ValueError("must have weights and activations in int8 for `repair`")
        if self.weights == "mixed" and self.repair != "auto":
            raise ValueError("must have `auto` or `none` for the `repair` of `mixed`")
        if sum(name in RANGES for name in self.repair) > 1:
            raise ValueError("must have one of percentile, entropy and mse in `repair` at most")
        return self

    @property
    def static(self) -> bool:
        """Whether weights and activations are integers whose ranges are known before."""
        return (self.weights, self.activations) == ("int8", "int8")

    @property
    def repaired(self) -> bool:
        """Whether anything is done besides quantizing; of `mixed` where nothing forbids it."""
        return self.repair != "none" and (self.repair is not None or self.weights == "mixed")

    def describe(self) -> str:
        """`quantize weights int8, activations int8`."""
        between = f", activations {self.activations}" if self.activations else ""
        repaired = self.repair if isinstance(self.repair, str) else " and ".join(self.repair or ())
        repaired = f", repair {repaired}" if repaired not in ("", "none") else ""
        return f"quantize weights {self.weights}{between}{repaired}"

    def lower(self, to: Lowering, draft: Draft, target: Compressor) -> Draft:
        """Ask the target: each runtime has its own way to the same numbers."""
        if self.repair not in (None, "none") and not target.repairs:
            raise Refused(
                by="repair", why="it repairs ONNX models, of onnxruntime and tensorrt targets.",
                fix="Leave `repair` out.", kind="not applicable",
            )  # fmt: skip
        if draft.ranges is not None and not target.takes_ranges:
            raise Refused(
                by="quantize", why="this target calibrates by itself, so scales that were trained would not reach it.",
                fix="Train without `quantize`, or ship it by onnxruntime or litert.", kind="not applicable",
            )  # fmt: skip
        how = self if self.activations else self.model_copy(update={"activations": target.arithmetic})
        return target.quantize(to, draft, how)
