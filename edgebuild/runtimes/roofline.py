"""Which operators wait for memory rather than for multiplications."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

RIDGE = 8.0
"""Multiplications for each value moved, below which a core waits for memory (the roofline's ridge, Williams, Waterman
and Patterson 2009, doi:10.1145/1498765.1498785).

One core of a virtual EPYC multiplies 83e9 float32 pairs a second and moves 10e9 to 24e9 values from its caches, 4e9 to
7e9 from memory: 4 to 20 multiplications a value (`tests/bench/test_roofline.py`). In 8 bits both sides gain four times.
"""

Shapes = Sequence[Sequence[Sequence[int]]]
"""Those of all inputs and of all outputs."""


def multiplications(kind: str, shapes: Shapes) -> int | None:
    """Of a convolution or matrix product; None of another operator.

    Weights of a convolution have as many axes as its output. In ONNX (out, in / group, …) and in TFLite (out, …, in)
    their first axis is the output's channels; of TFLite's depthwise convolution it is 1 and the last one is.
    """
    inputs, (out, *_) = shapes
    name = kind.lower().replace("_", "")
    if "transpose" in name or not inputs or not out:
        return None
    if "conv" in name:
        weights = next((shape for shape in inputs[1:] if len(shape) == len(out)), None)
        if weights is None:
            return None
        return prod(out) * prod(weights) // (weights[0] if weights[0] > 1 else max(1, weights[-1]))
    if any(word in name for word in ("matmul", "gemm", "fullyconnected")):
        return prod(out) * inputs[0][-1] if inputs[0] else None
    return None


def memory_bound(trace: Mapping[str, Any], heavy: frozenset[str]) -> dict[str, int]:
    """Heavy operators below the ridge, by type.

    Args:
        trace: `ops` (name and type first) and `shapes` (name to `Shapes`).
        heavy: types with multiplications.
    """
    found: Counter[str] = Counter()
    for name, kind, *_ in trace["ops"]:
        shapes: Shapes = trace.get("shapes", {}).get(name, ((), ()))
        products = multiplications(kind, shapes) if kind in heavy and all(shapes) else None
        if products is not None and products < RIDGE * sum(prod(shape) for side in shapes for shape in side):
            found[kind] += 1
    return dict(sorted(found.items()))


def bound_words(bound: Mapping[str, int]) -> str:
    """A sentence on them, "" for none."""
    count = sum(bound.values())
    if not count:
        return ""
    named = ", ".join(f"{number} {kind}" for kind, number in bound.items())
    verb = "does" if count == 1 else "do"
    return (
        f"{count} of them ({named}) {verb} fewer than {RIDGE:g} multiplications for each value moved: memory bounds "
        f"{'it' if count == 1 else 'these'}, so fewer bytes help and faster arithmetic does not."
    )
