"""What the lowering covers, as rows and as the committed table; its limits are said once, where they hold."""

from __future__ import annotations

import dis
import inspect
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from edgebuild.models.convert.onnx_to_mil.mil import mb
from edgebuild.models.convert.onnx_to_mil.tables import GROUPS

LIMITS = {
    "GridSample": "images, by bilinear or nearest",
    "If": "a constant condition, or branches of the same shapes, both computed",
    "Loop": "a constant number of turns, at most 128",
    "Scan": "a fixed length, at most 128; from opset 9",
    "LSTM": "sequences of one length; open axes but with clip, peepholes or other activations",
    "GRU": "sequences of one length, at most 128 steps",
    "RNN": "sequences of one length, at most 128 steps",
    "QuantizeLinear": "8 bits from iOS 17 on; 4 and 16 bits in arithmetic",
    "DequantizeLinear": "8 bits from iOS 16, 4 bits from iOS 18; activations from iOS 17",
    "com.microsoft.MatMulNBits": "weights stay in 4 bits from iOS 18",
    "MatMulInteger": "exact below 2^24", "ConvInteger": "exact below 2^24", "CumSum": "integers exact below 2^24",
    "Pow": "integers exact below 2^24", "BatchNormalization": "inference", "Dropout": "inference",
    "TopK": "a constant k", "OneHot": "a constant depth",
    "Conv": "one to three spatial axes", "ConvTranspose": "1 to 3 spatial axes, constant weights",
    "Reshape": "more than five dimensions only between two others; one open axis, or copies",
    "Transpose": "over five dimensions where axes stay together",
    "Slice": "constant bounds, or computed ones of step 1",
    "BitShift": "up to 32 signed bits", "EyeLike": "a known shape",
    "Resize": "fixed sizes; open axes by whole factors",
    "Upsample": "fixed sizes; open axes by whole factors", "SequenceAt": "constant places",
}  # fmt: skip
"""Operator → what is covered of it; the whole of it where nothing stands here."""


@dataclass(frozen=True)
class Row:
    """One operator."""

    group: str
    operator: str
    limits: str
    written: tuple[str, ...]
    """MIL operators that its handler's file writes for it."""


def coverage() -> list[Row]:
    """Every operator with a handler, by group and name."""
    return [
        Row(group, name, LIMITS.get(name, ""), written(handler))
        for group, handlers in GROUPS.items()
        for name, handler in sorted(handlers.items())
    ]


def written(handler: Any) -> tuple[str, ...]:
    """MIL operators named in the code that a handler runs, functions of its own file followed."""
    found: set[str] = set()
    pending, seen = [handler], set()
    while pending:
        function = pending.pop()
        if function in seen or not inspect.isfunction(function):
            continue
        seen.add(function)
        closure = inspect.getclosurevars(function)
        values = [*closure.nonlocals.values(), *closure.globals.values()]
        found.update(item for item in closure.nonlocals.values() if isinstance(item, str) and hasattr(mb, item))
        pending.extend(item for item in values if inspect.isfunction(item) and "onnx_to_mil" in item.__module__)
        found.update(operators_in(function))
    return tuple(sorted(found))


def operators_in(function: Any) -> set[str]:
    """Each name that a function's code reads from `mb`."""
    codes, names = [function.__code__], set()
    while codes:
        code = codes.pop()
        codes.extend(item for item in code.co_consts if inspect.iscode(item))
        for before, after in pairwise(dis.get_instructions(code)):
            if before.argval == "mb" and after.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                names.add(str(after.argval))
    return names


def as_markdown(rows: list[Row]) -> str:
    """The table of COVERAGE.md."""
    lines = [
        "# What the lowering from ONNX to Core ML covers",
        "",
        f"{len(rows)} operators, from opset 9 on, and what the standard defines by them. Nodes of constants are",
        "evaluated while the model is converted, whatever they are. Everywhere: at most five dimensions, no empty",
        "tensors, no text, float64 computed in float32, int64 in int32. What is not covered is refused with its node",
        "and operator.",
        "",
        "| group | ONNX | limits | MIL |",
        "|---|---|---|---|",
    ]
    lines += [f"| {row.group} | {row.operator} | {row.limits} | {', '.join(row.written)} |" for row in rows]
    return "\n".join(lines) + "\n"
