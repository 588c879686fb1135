"""Names of a graph, and what the program is written for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from onnx import TypeProto

Value = Any


"""An array, a MIL variable, a `Packed` constant or a `Folded` variable."""


@dataclass
class Scope:
    """Names of one graph; a sub-graph sees those around it."""

    values: dict[str, Value] = field(default_factory=dict)
    types: dict[str, TypeProto] = field(default_factory=dict)
    """Of ONNX, where they are known."""
    around: Scope | None = None
    emitted: dict[str, Any] = field(default_factory=dict)
    """Constants that stand in the program already."""

    def find(self, name: str) -> Scope | None:
        """The scope that has the name."""
        scope: Scope | None = self
        while scope is not None and name not in scope.values:
            scope = scope.around
        return scope

    def type_of(self, name: str) -> TypeProto | None:
        """Of ONNX."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.types:
                return scope.types[name]
            scope = scope.around
        return None


@dataclass
class Target:
    """What is written for, and what the whole program gathers."""

    os: int
    """15 … 26: iOS's number, of the opset."""
    wide: list[Any] = field(default_factory=list)
    """Operations that only float32 does justice: integers in float."""
    run_graph: Callable[..., list[Value]] = list
    """Lowers a sub-graph: `(graph, scope around, opset, values of its inputs)` → values of its outputs."""
