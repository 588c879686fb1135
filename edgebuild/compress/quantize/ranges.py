"""Ranges of activations: measured once per model and calibration split, read by every way to quantize."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

SIGNIFICANT_BITS = 12
"""Kernels of two machines differ in the last bits of a float; ranges of 12 bits come out equal on both, and the scale
moves by less than 1/8 of one part in 1000, far below the 1/255 of a step."""


def rounded(value: float) -> float:
    """A number with 12 significant bits; exact in float32.

    Raises:
        ValueError: it is not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"a range must be finite, got {value}")
    mantissa, exponent = math.frexp(value)
    return math.ldexp(round(mantissa * 2**SIGNIFICANT_BITS), exponent - SIGNIFICANT_BITS)


def write_ranges(file: Path, method: str, samples: int, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Lowest and highest value of each tensor, rounded, names sorted."""
    content = {
        "method": method,
        "samples": samples,
        "ranges": {name: [rounded(low), rounded(high)] for name, (low, high) in sorted(ranges.items())},
    }
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_ranges(file: Path) -> dict[str, tuple[float, float]]:
    """Lowest and highest value by tensor name."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return {name: (low, high) for name, (low, high) in content["ranges"].items()}
