"""Ranges of activations: measured once per model and calibration split, read by every way to quantize."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from edgebuild.errors import Refused

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
    """Lowest and highest value of each tensor, rounded, names sorted.

    Raises:
        Refused: a bound is not finite.
    """
    for name, bounds in ranges.items():
        if not all(map(math.isfinite, bounds)):
            raise endless(name)
    content = {
        "method": method,
        "samples": samples,
        "ranges": {name: [rounded(low), rounded(high)] for name, (low, high) in sorted(ranges.items())},
    }
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def endless(tensor: str) -> Refused:
    """What a calibration says of a tensor that has no range: a mask of -inf, a division by 0."""
    why = f"the values of `{tensor}` on the calibration samples are not all finite, so it has no range."
    fix = "Mask with a large finite number instead of -inf, or use `dynamic` or `float16`."
    return Refused(by="calibrate", why=why, fix=fix, kind="not applicable")


def read_ranges(file: Path) -> dict[str, tuple[float, float]]:
    """Lowest and highest value by tensor name."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return {name: (low, high) for name, (low, high) in content["ranges"].items()}
