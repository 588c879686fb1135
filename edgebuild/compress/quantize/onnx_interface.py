"""What a quantized ONNX model must keep: its inputs and outputs, and that it is a valid model at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.errors import Refused

if TYPE_CHECKING:
    from onnx import ModelProto


def save_checked(before: ModelProto, after: ModelProto, output: Path, by: str) -> None:
    """Write the model where it is valid and its interface is that of the one it came from.

    Raises:
        Refused: the tool left an invalid graph, or other inputs or outputs.
    """
    import onnx

    try:
        onnx.checker.check_model(after)
    except onnx.checker.ValidationError as error:
        raise Refused(by=by, why=f"it wrote an invalid model: {error}") from error
    for side in ("input", "output"):
        was, became = interface(getattr(before.graph, side)), interface(getattr(after.graph, side))
        if was != became:
            raise Refused(by=by, why=f"it changed the model's {side}s from {was} to {became}.")
    onnx.save(after, output)


def interface(values: Iterable[Any]) -> list[tuple[str, int, tuple[int | str, ...]]]:
    """Name, element type and shape of each."""
    found = []
    for value in values:
        kind = value.type.tensor_type
        shape = tuple(axis.dim_param or axis.dim_value for axis in kind.shape.dim)
        found.append((value.name, kind.elem_type, shape))
    return found


def operators(model: ModelProto) -> Counter[str]:
    """Operators of the main graph by type."""
    return Counter(node.op_type for node in model.graph.node)


def refuse_unchanged(before: ModelProto, after: ModelProto, added: Iterable[str], by: str) -> None:
    """Decline a result that holds no operator the tool should have added.

    Raises:
        Refused: nothing was quantized; says which operators the model has.
    """
    was, became = operators(before), operators(after)
    if any(became[name] > was[name] for name in added):
        return
    has = ", ".join(f"{count} {name}" for name, count in sorted(was.items())) or "none"
    raise Refused(by=by, why=f"it quantized nothing: no operator of the model has an integer form (it has {has}).")
