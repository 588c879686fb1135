"""Layers of an ONNX model, and models in which some of them are in integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.compress.quantize.onnx_static import WEIGHTED, quantize_static
from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.compress.quantize.repair.pairs import with_names
from edgebuild.compress.search.precision.mixtures import Layer, Mixture
from edgebuild.errors import Refused

if TYPE_CHECKING:
    from onnx import ModelProto


def onnx_layers(model: Path) -> list[Layer]:
    """Operators with stored weights that have an integer form, in the order of execution.

    Returns:
        Their names, "" where a node has none, with the multiplications of each.
    """
    import onnx

    from edgebuild.models.inspect.onnx_facts import inferred, node_macs

    loaded = onnx.load(model)
    shapes = inferred(loaded)
    return [Layer(name=node.name, op=node.op_type, macs=node_macs(node, shapes) or 0) for _, node in weighted(loaded)]


def weighted(model: ModelProto) -> list[tuple[int, Any]]:
    """Position and node of each layer."""
    stored = {tensor.name for tensor in model.graph.initializer}
    return [
        (position, node)
        for position, node in enumerate(model.graph.node)
        if node.op_type in WEIGHTED and len(node.input) > 1 and node.input[1] in stored
    ]


def make_mixtures(
    model: Path, ranges: Path, output: Path, mixtures: Sequence[Mixture], form: dict[str, Any]
) -> Iterator[tuple[int, Refused | None]]:
    """Write `<number>.onnx` for each mixture; why one was not made comes beside its number."""
    import onnx

    named = output / "named.onnx"
    onnx.save(with_names(onnx.load(model)), named)
    bounds = read_ranges(ranges)
    for number, mixture in enumerate(mixtures):
        exclude = floating(onnx.load(named), mixture)
        try:
            quantize_static(named, bounds, output / f"{number}.onnx", exclude=exclude, **form)
        except Refused as refused:
            yield number, refused
        else:
            yield number, None
    named.unlink()


def floating(model: ModelProto, mixture: Mixture) -> tuple[str, ...]:
    """Names of the nodes that stay in floating point.

    What stands between two layers belongs to the earlier one: an activation, an addition, a pooling.
    """
    positions = [position for position, _ in weighted(model)]
    ends = [*positions[1:], len(model.graph.node)]
    inside = {position for index in mixture.layers for position in range(positions[index], ends[index])}
    if mixture.first == 0:
        # What stands before the first layer goes with it.
        inside |= set(range(positions[0]))
    return tuple(node.name for position, node in enumerate(model.graph.node) if position not in inside)
