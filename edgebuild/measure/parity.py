"""How far a candidate's outputs are from the source's, whatever the spec's metrics."""

from __future__ import annotations

import math
from typing import Any

from edgebuild.metrics.agreement import Agreement
from edgebuild.metrics.base import Samples
from edgebuild.metrics.max_error import MaxError
from edgebuild.metrics.sqnr import Sqnr


def parity(samples: Samples) -> dict[str, Any]:
    """`max_error` (in the outputs' unit), `sqnr` (dB), `agreement` (%, null without scores), samples, the worst output.

    Outputs that cannot be compared number by number (decoded to other shapes) are left out.
    """
    same = [
        name
        for name, array in samples.outputs.items()
        if name in samples.reference and array.shape == samples.reference[name].shape and array.dtype.kind in "biuf"
    ]
    if not same:
        return {"max_error": None, "sqnr": None, "agreement": None, "samples": 0, "output": ""}
    alike = Samples({name: samples.outputs[name] for name in same}, {name: samples.reference[name] for name in same})
    noise = Sqnr().by_output(alike)
    scores = [name for name in same if samples.outputs[name].ndim > 1 and samples.outputs[name].shape[-1] > 1]
    agreement = [Agreement(output=name).value(alike) for name in scores]
    return {
        "max_error": _finite(MaxError().value(alike)),
        "sqnr": _finite(min(noise.values())),
        "agreement": min(agreement) if agreement else None,
        "samples": len(alike),
        "output": min(noise, key=lambda name: noise[name] if math.isfinite(noise[name]) else -math.inf),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
