"""The walk over the nodes: constants folded, handlers called, standard definitions inlined, operations named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TypeProto, helper, numpy_helper

from edgebuild.errors import EdgebuildError, Refused
from edgebuild.models.convert.onnx_to_mil.context import Context
from edgebuild.models.convert.onnx_to_mil.fold import fold, foldable
from edgebuild.models.convert.onnx_to_mil.graph import body_of, needed, ordered, subgraphs, types_of
from edgebuild.models.convert.onnx_to_mil.interface import Port
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, Var, curr_block, is_symbolic, mb, types
from edgebuild.models.convert.onnx_to_mil.names import Names
from edgebuild.models.convert.onnx_to_mil.refusal import BY, label, operator, refusal, uncovered
from edgebuild.models.convert.onnx_to_mil.scope import Scope, Target
from edgebuild.models.convert.onnx_to_mil.tables import HANDLERS
from edgebuild.models.convert.onnx_to_mil.values import Packed

ALIGNED = frozenset({"Add", "Sub", "Mul", "Div", "Equal", "Less", "Greater", "Gemm"})
"""Whose handlers broadcast as before opset 7 too."""


class Walk:
    """One model on its way into a MIL function."""

    def __init__(self, target: Target, versions: Mapping[str, int], light: ModelProto) -> None:
        self.target, self.versions = target, dict(versions)
        self.types = every_type(light.graph)
        self.spans: list[tuple[NodeProto, list[Any]]] = []
        target.run_graph = self.graph

    def check(self, nodes: Sequence[NodeProto], graph: GraphProto) -> None:
        """Raises: Refused: operators that nothing lowers, all of them at once."""
        constant = {item.name for item in graph.initializer}
        missing = []
        for node in nodes:
            if all(name in constant for name in node.input if name) and foldable(node):
                constant.update(node.output)
            elif operator(node) not in HANDLERS and not self.defined(node):
                missing.append(node)
        if missing:
            raise uncovered(missing)

    def defined(self, node: NodeProto) -> bool:
        """Whether the standard defines the operator by others, all of them covered."""
        body = body_of(node, self.versions, [None] * len(node.input))
        inner = body.node if isinstance(body, FunctionProto) else ()
        return body is not None and all(operator(item) in HANDLERS or self.defined(item) for item in inner)

    def root(self, graph: GraphProto, given: Mapping[str, tuple[Port, Any]]) -> Scope:
        """The names that stand before any node: inputs and initializers."""
        scope = Scope(types=self.types)
        for item in graph.sparse_initializer:
            raise Refused(by=BY, why=f"the weights `{item.values.name}` are sparse.", fix="Store them dense.")
        for item in graph.initializer:
            scope.values[item.name] = numpy_helper.to_array(item)
        for name, (port, var) in given.items():
            x = mb.squeeze(x=var, axes=[0]) if port.scalar else var
            if port.half:
                x = mb.cast(x=x, dtype="fp32")
            scope.values[name] = mb.cast(x=x, dtype="bool") if port.dtype == "bool" else x
        return scope

    def nodes(self, nodes: Sequence[NodeProto], scope: Scope, opset: int) -> None:
        """Lower nodes in this order."""
        block = curr_block()
        for node in nodes:
            last = block.operations.end
            results = self.node(Context(node, scope, self.target, opset))
            self.spans.append((node, operations_since(last, block)))
            for name, result in zip(node.output, results, strict=False):
                if name:
                    scope.values[name] = result

    def node(self, context: Context) -> list[Any]:
        """The outputs of one node.

        Raises:
            Refused: by the handler, or coremltools declines what it wrote.
        """
        node = context.node
        try:
            folded = self.folded(context)
            if folded is not None:
                return folded
            if context.a("broadcast", 0) and node.op_type not in ALIGNED:
                raise context.refuse("broadcasts as before opset 7", "Export the model with a newer opset.")
            handler = HANDLERS.get(operator(node))
            if handler is None:
                return self.body(context)
            found = handler(context)
            return list(found) if isinstance(found, list | tuple) else [found]
        except (Refused, EdgebuildError, MemoryError, OSError):
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {str(error).strip()}"
            raise refusal(node, f"coremltools declines it: {said}") from error

    def folded(self, context: Context) -> list[Any] | None:
        """The outputs of a node of constants, evaluated; None where it has other inputs."""
        node = context.node
        inputs = [context.value(k) for k in range(len(node.input))]
        if not foldable(node) or not all(item is None or isinstance(item, np.ndarray | Packed) for item in inputs):
            return None
        try:
            return fold(node, inputs, context.opset)
        except (ValueError, TypeError, RuntimeError, NotImplementedError, KeyError, AttributeError) as error:
            if operator(node) in HANDLERS and inputs:
                return None
            raise refusal(node, f"its constants could not be evaluated: {error}") from error

    def graph(self, graph: GraphProto, around: Scope, opset: int, given: Sequence[Any] = ()) -> list[Any]:
        """The outputs of a sub-graph, lowered in place."""
        scope = Scope(types=self.types, around=around)
        for item in graph.initializer:
            scope.values[item.name] = numpy_helper.to_array(item)
        for value, item in zip(given, graph.input, strict=True):
            scope.values[item.name] = value
        names = [item.name for item in graph.output]
        self.nodes(needed(ordered(graph.node), names), scope, opset)
        return [found.values[name] for name in names if (found := scope.find(name)) is not None]

    def body(self, context: Context) -> list[Any]:
        """The outputs of an operator by the standard's definition of it.

        Raises:
            Refused: it has none for these inputs.
        """
        node = context.node
        function = body_of(node, {"": context.opset}, [tensor_type(context, k) for k in range(len(node.input))])
        if not isinstance(function, FunctionProto):
            raise uncovered([node])
        scope = Scope()
        for k, name in enumerate(function.input):
            if context.has(k):
                scope.values[name] = context.value(k)
                kind = context.kind(k)
                if kind:
                    scope.types[name] = helper.make_tensor_type_proto(kind, None)
        opset = next((item.version for item in function.opset_import if item.domain in ("", "ai.onnx")), context.opset)
        attributes = {item.name: item for item in (*function.attribute_proto, *node.attribute)}
        nodes = [bound(item, attributes) for item in function.node]
        spans = len(self.spans)
        try:
            self.nodes(nodes, scope, opset)
        except Refused as refused:
            raise refusal(node, f"by the standard's definition of it, {refused.why}", refused.fix) from refused
        # What the definition wrote goes by the name of the node it defines.
        del self.spans[spans:]
        return [scope.values.get(name) for name in function.output]

    def output(self, port: Port, scope: Scope) -> Any:
        """An output under its name in Core ML."""
        node = helper.make_node("Identity", [port.name], [port.name], name=port.name)
        context = Context(node, scope, self.target, self.versions.get("", 1))
        if not context.has(0) or scope.find(port.name) is None:
            raise Refused(by=BY, why=f"no node makes the output `{port.name}`.")
        x = context.i(0)
        floating = port.dtype.startswith("float")
        if floating != (x.dtype in FLOAT):
            x = mb.cast(x=x, dtype="fp32" if floating else "int32")
        elif x.dtype == types.bool:
            x = mb.cast(x=x, dtype="int32")
        if x.rank == 0:
            x = mb.expand_dims(x=x, axes=[0])
        if port.half:
            x = mb.cast(x=x, dtype="fp16")
        return mb.identity(x=x, name=port.coreml)

    def rename(self, names: Names, kept: set[Any]) -> None:
        """Call each operation after its node, the last of several by the node's bare name.

        Raises:
            Refused: an operation has more than five dimensions, or no elements.
        """
        done = set(kept)
        for node, operations in self.spans:
            for operation in operations:
                for out in operation.outputs:
                    refuse_shape(node, out)
            plain = [item for item in operations if item.op_type != "const" and item not in done]
            done.update(plain)
            for operation in plain:
                last = operation is plain[-1]
                name = names.give(label(node) if last else f"{label(node)}__{operation.op_type}")
                operation.name = name
                several = len(operation.outputs) > 1
                for k, out in enumerate(operation.outputs):
                    out.set_name(names.give(f"{name}_{k}") if several else name)


def operations_since(last: Any, block: Any) -> list[Any]:
    """What was written to the block after its operation node `last`."""
    found = []
    node = block.operations.end
    while node is not None and node is not last:
        found.append(node.op)
        node = node.prev
    return found[::-1]


def refuse_shape(node: NodeProto, out: Any) -> None:
    """Raises: Refused: more than five dimensions, or none of a size."""
    if not isinstance(out, Var) or types.is_list(out.sym_type):
        return
    if out.rank > 5:
        raise refusal(node, f"makes a tensor of {out.rank} dimensions; Core ML has five at most.")
    if any(not is_symbolic(size) and size == 0 for size in out.shape):
        raise refusal(node, f"makes a tensor without elements, {tuple(out.shape)}, which Core ML does not have.")


def every_type(graph: GraphProto) -> dict[str, TypeProto]:
    """Types by name, of sub-graphs too: a name stands once in a model."""
    found = types_of(graph)
    for node in graph.node:
        for inner in subgraphs(node):
            found.update(every_type(inner))
    return found


def tensor_type(context: Context, k: int) -> TypeProto | None:
    """Element type and shape of an input, for a definition that depends on them."""
    if not context.has(k):
        return TypeProto()
    kind = context.kind(k)
    sizes = [None if is_symbolic(size) else int(size) for size in context.shape(k)]
    return helper.make_tensor_type_proto(kind, sizes) if kind else None


def bound(node: NodeProto, attributes: Mapping[str, Any]) -> NodeProto:
    """A node of a function's body with the function's attributes."""
    filled = NodeProto()
    filled.CopyFrom(node)
    del filled.attribute[:]
    for item in node.attribute:
        if not item.ref_attr_name:
            filled.attribute.append(item)
        elif item.ref_attr_name in attributes:
            given = filled.attribute.add()
            given.CopyFrom(attributes[item.ref_attr_name])
            given.name = item.name
    return filled
