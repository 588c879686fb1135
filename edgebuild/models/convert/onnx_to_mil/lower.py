"""An ONNX model as the MIL program of the same function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onnx import ModelProto

from edgebuild.models.convert.onnx_to_mil.graph import inlined, known_types, needed, opsets, ordered
from edgebuild.models.convert.onnx_to_mil.interface import Port, inputs_of, outputs_of, system
from edgebuild.models.convert.onnx_to_mil.mil import Function, Program, ct, mb
from edgebuild.models.convert.onnx_to_mil.names import Names
from edgebuild.models.convert.onnx_to_mil.scope import Target
from edgebuild.models.convert.onnx_to_mil.walk import Walk


@dataclass(frozen=True)
class Lowered:
    """A model in MIL."""

    program: Any
    """coremltools' `Program` with the one function `main`."""
    inputs: tuple[Port, ...]
    """In the order of the ONNX graph."""
    outputs: tuple[Port, ...]
    types: tuple[Any, ...]
    """`ct.TensorType` of each input, open axes with their ranges."""
    open: bool
    """Whether any axis is: then `ct.convert` needs `types`, or it makes every open axis 1 to 2."""
    target: Any
    """`ct.target` of the system."""
    wide: frozenset[str]
    """Names of the operations that carry integers in float32, to be kept out of float16."""


def lower(
    model: ModelProto,
    *,
    minimum_os: str = "iOS15",
    ranges: Mapping[str, tuple[int, int]] | None = None,
    float16_io: bool = False,
) -> Lowered:
    """The MIL program of an ONNX model, with its weights in memory.

    Args:
        model: opset 9 or newer; external data loaded.
        minimum_os: `iOS15` … `iOS18`, `iOS26`, or the macOS of the same year (`macOS12` … `macOS15`, `macOS26`).
        ranges: smallest and largest size of each open axis by its name; an unnamed one is called
            `<input>_<axis>`, 1 to 512 where nothing is given.
        float16_io: float inputs and outputs are float16 at the interface, from iOS 16 on.

    Raises:
        Refused: names each node and operator that cannot be lowered, or would be lowered to something else.
    """
    model = inlined(model)
    target = Target(os=system(minimum_os))
    walk = Walk(target, opsets(model), known_types(model))
    nodes = needed(ordered(model.graph.node), [item.name for item in model.graph.output])
    walk.check(nodes, model.graph)
    names = Names()
    ports, given, types = inputs_of(model.graph, ranges or {}, names, float16_io, target.os)
    promised = outputs_of(model.graph, names, float16_io)
    mb.name_count.clear()
    with Function(given, getattr(ct.target, f"iOS{target.os}")) as function:
        scope = walk.root(model.graph, {port.name: (port, function.inputs[port.coreml]) for port in ports})
        walk.nodes(nodes, scope, walk.versions.get("", 1))
        finished = [walk.output(port, scope) for port in promised]
        function.set_outputs(finished)
    walk.rename(names, {item.op for item in finished})
    return Lowered(
        program=program_of(function),
        inputs=ports,
        outputs=promised,
        types=types,
        open=any(not isinstance(size, int) for item in types for size in item.shape.shape),
        target=getattr(ct.target, f"iOS{target.os}"),
        wide=frozenset(op.name for op in target.wide if op is not None),
    )


def program_of(function: Any) -> Any:
    """A program of one function."""
    program = Program()
    program.add_function("main", function)
    return program
