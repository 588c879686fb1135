"""Inputs and outputs: ONNX's names, types and axes, and what Core ML makes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onnx import GraphProto, TensorProto, ValueInfoProto

from edgebuild.errors import Refused
from edgebuild.models.convert.onnx_to_mil.mil import ct, mb, types
from edgebuild.models.convert.onnx_to_mil.names import Names
from edgebuild.models.convert.onnx_to_mil.refusal import BY

DEFAULT_RANGE = (1, 512)
"""Sizes of an open axis of which the caller says nothing."""
SYSTEMS = {"macOS12": 15, "macOS13": 16, "macOS14": 17, "macOS15": 18, "macOS26": 26}
FLOATING = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64"}
WHOLE = {
    TensorProto.INT64: "int64",
    TensorProto.INT32: "int32",
    TensorProto.INT16: "int16",
    TensorProto.INT8: "int8",
    TensorProto.UINT8: "uint8",
    TensorProto.UINT16: "uint16",
    TensorProto.UINT32: "uint32",
    TensorProto.UINT64: "uint64",
    TensorProto.BOOL: "bool",
}


@dataclass(frozen=True)
class Port:
    """One input or output."""

    name: str
    """In the ONNX graph."""
    coreml: str
    """In the Core ML model."""
    dtype: str
    """Of ONNX, as numpy calls it; Core ML has float32 (or float16) for floats and int32 for the rest."""
    scalar: bool = False
    """Of no dimension in ONNX, of shape (1,) in Core ML."""
    half: bool = False
    """float16 at the interface."""


def system(minimum_os: str) -> int:
    """The number of the iOS whose opset is written.

    Raises:
        Refused: no system that coremltools knows.
    """
    found = re.fullmatch(r"iOS(15|16|17|18|26)", minimum_os)
    number = int(found[1]) if found else SYSTEMS.get(minimum_os)
    if number is None or not hasattr(ct.target, f"iOS{number}"):
        known = ", ".join(f"iOS{item}" for item in (15, 16, 17, 18, 26) if hasattr(ct.target, f"iOS{item}"))
        raise Refused(
            by=BY,
            why=f"`{minimum_os}` is no system that coremltools {ct.__version__} writes ML programs for.",
            fix=f"Use one of {known}, or {', '.join(SYSTEMS)}.",
            kind="not applicable",
        )
    return number


def dtype_of(value: ValueInfoProto, side: str) -> str:
    """Numpy's name of the element type.

    Raises:
        Refused: Core ML has nothing that holds it.
    """
    kind = value.type.tensor_type.elem_type if value.type.HasField("tensor_type") else None
    known = {**FLOATING, **WHOLE}
    if kind in known:
        return known[kind]
    if kind is None:
        what = f"a {value.type.WhichOneof('value') or 'value'}".replace("_type", "")
    else:
        what = TensorProto.DataType.Name(kind).lower() if kind else "untyped"
    raise Refused(
        by=BY,
        why=f"the {side} `{value.name}` is {what}; Core ML holds float32, float16, int32 and bool.",
        kind="not applicable",
    )


def inputs_of(
    graph: GraphProto, ranges: Mapping[str, tuple[int, int]], names: Names, half: bool, os: int
) -> tuple[tuple[Port, ...], dict[str, Any], tuple[Any, ...]]:
    """The inputs that no initializer fills: as ports, as MIL placeholders, and as coremltools' types."""
    if half and os < 16:
        raise Refused(
            by=BY,
            why="Core ML has float16 inputs and outputs from iOS 16 on; the target's minimum is iOS 15.",
            fix="Set `minimum_os: iOS16`, or leave the interface in float32.",
            kind="not applicable",
        )
    filled = {item.name for item in graph.initializer}
    axes = Axes(ranges)
    ports, given, shaped = [], {}, []
    for value in graph.input:
        if value.name in filled:
            continue
        dtype = dtype_of(value, "input")
        shape, flexible = axes.shape(value)
        floating = dtype in FLOATING.values()
        port = Port(value.name, names.give(value.name), dtype, not shape, half and floating)
        ports.append(port)
        kind = (types.fp16 if port.half else types.fp32) if floating else types.int32
        given[port.coreml] = mb.placeholder(shape=tuple(shape) or (1,), dtype=kind)
        shaped.append(ct.TensorType(name=port.coreml, shape=ct.Shape(flexible or (1,)), dtype=kind))
    return tuple(ports), given, tuple(shaped)


class Axes:
    """One symbol for each name of an axis."""

    def __init__(self, ranges: Mapping[str, tuple[int, int]]) -> None:
        self.ranges, self.symbols, self.dims = ranges, {}, {}  # type: ignore[var-annotated]

    def shape(self, value: ValueInfoProto) -> tuple[list[Any], list[Any]]:
        """Sizes with symbols, and the same with ranges.

        Raises:
            Refused: the rank is not known, a size is 0, or there are more than five axes.
        """
        kind = value.type.tensor_type
        if not kind.HasField("shape"):
            raise Refused(by=BY, why=f"the input `{value.name}` has no shape.", fix="Give its shape in the model.")
        if len(kind.shape.dim) > 5:
            why = f"the input `{value.name}` has {len(kind.shape.dim)} dimensions; Core ML has five at most."
            raise Refused(by=BY, why=why, kind="not applicable")
        sizes, flexible = [], []
        for axis, dim in enumerate(kind.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                sizes.append(dim.dim_value)
                flexible.append(dim.dim_value)
            elif dim.HasField("dim_value") and dim.dim_value == 0:
                raise Refused(by=BY, why=f"the input `{value.name}` has no elements.", kind="not applicable")
            else:
                name = dim.dim_param or ("batch" if axis == 0 else f"{value.name}_{axis}")
                sizes.append(self.symbol(name))
                flexible.append(self.dims[name])
        return sizes, flexible

    def symbol(self, name: str) -> Any:
        """The axis's symbol; its range goes with it."""
        if name not in self.symbols:
            low, high = self.ranges.get(name, DEFAULT_RANGE)
            dim = ct.RangeDim(lower_bound=low, upper_bound=high, default=low)
            self.symbols[name], self.dims[name] = dim.symbol, dim
        return self.symbols[name]


def outputs_of(graph: GraphProto, names: Names, half: bool) -> tuple[Port, ...]:
    """The outputs as ports."""
    ports = []
    for value in graph.output:
        dtype = dtype_of(value, "output")
        ports.append(Port(value.name, names.give(value.name), dtype, half=half and dtype in FLOATING.values()))
    return tuple(ports)
