"""How the lowering declines: always with the node and its operator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from edgebuild.errors import Refused

if TYPE_CHECKING:
    from onnx import NodeProto

BY = "Core ML lowering"


def operator(node: NodeProto) -> str:
    """`Conv`, or `com.microsoft.Gelu` outside the standard."""
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def label(node: NodeProto) -> str:
    """The node's name, or that of its first output."""
    return node.name or next((name for name in node.output if name), "without a name")


def refusal(node: NodeProto, why: str, fix: str = "") -> Refused:
    """For one node."""
    return Refused(by=BY, why=f"node `{label(node)}` ({operator(node)}): {why}", fix=fix, kind="not applicable")


def uncovered(nodes: Iterable[NodeProto]) -> Refused:
    """For every node whose operator has no handler, each operator with up to three of its nodes."""
    found: dict[str, list[str]] = {}
    for node in nodes:
        found.setdefault(operator(node), []).append(label(node))
    parts = []
    for name, labels in sorted(found.items()):
        shown = ", ".join(f"`{item}`" for item in labels[:3])
        more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
        parts.append(f"{'nodes' if len(labels) > 1 else 'node'} {shown}{more} ({name})")
    return Refused(
        by=BY,
        why=f"no lowering for {'; '.join(parts)}.",
        fix="Replace these operators in the model, or deploy it with `onnxruntime`, which runs on Apple devices too.",
        kind="not applicable",
    )
