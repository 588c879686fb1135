"""An ONNX model made ready to be walked: functions inlined, nodes in order, element types inferred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TypeProto, helper, inliner, shape_inference

from edgebuild.errors import Refused
from edgebuild.models.convert.onnx_to_mil.refusal import BY

LARGE = 1024
"""Bytes above which an initializer is left out where only types are asked for."""


def inlined(model: ModelProto) -> ModelProto:
    """The model without local functions."""
    return inliner.inline_local_functions(model) if model.functions else model


def opsets(model: ModelProto) -> dict[str, int]:
    """Version by domain; "" is the standard's."""
    return {("" if item.domain == "ai.onnx" else item.domain): item.version for item in model.opset_import}


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """Graphs in the attributes of a node."""
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def reads(node: NodeProto) -> set[str]:
    """Names a node needs, those its sub-graphs take from around them too."""
    names = {name for name in node.input if name}
    for graph in subgraphs(node):
        names |= free(graph)
    return names


def free(graph: GraphProto) -> set[str]:
    """Names a graph takes from around it."""
    own = {item.name for item in (*graph.input, *graph.initializer)}
    own.update(name for node in graph.node for name in node.output)
    needed = {name for node in graph.node for name in reads(node)} | {item.name for item in graph.output}
    return needed - own


def ordered(nodes: Sequence[NodeProto]) -> list[NodeProto]:
    """The nodes so that each comes after those it reads; of several orders the one nearest to the file's.

    Raises:
        Refused: the graph has a cycle.
    """
    made = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    needs = [{made[name] for name in reads(node) if name in made} for node in nodes]
    if all(max(before, default=-1) < index for index, before in enumerate(needs)):
        return list(nodes)
    done: list[int] = []
    state = [0] * len(nodes)
    for start in range(len(nodes)):
        stack = [(start, iter(sorted(needs[start])))] if not state[start] else []
        state[start] = state[start] or 1
        while stack:
            index, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                state[index] = 2
                done.append(index)
                stack.pop()
            elif state[following] == 1:
                raise Refused(by=BY, why=f"node `{nodes[index].name}` reads what it makes itself: a cycle.")
            elif not state[following]:
                state[following] = 1
                stack.append((following, iter(sorted(needs[following]))))
    return [nodes[index] for index in done]


def needed(nodes: Sequence[NodeProto], outputs: Iterable[str]) -> list[NodeProto]:
    """The nodes that the outputs depend on, in their order."""
    wanted, kept = set(outputs), []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted |= reads(node)
            kept.append(node)
    return kept[::-1]


def known_types(model: ModelProto) -> ModelProto:
    """A copy without large constants, after ONNX's shape inference; the model itself where that fails.

    Only element types are taken from it: MIL infers shapes itself.
    """
    light = ModelProto()
    light.CopyFrom(stripped(model))
    try:
        return shape_inference.infer_shapes(light, check_type=False, strict_mode=False, data_prop=False)
    except Exception:
        return light


def stripped(model: ModelProto) -> ModelProto:
    """Large initializers as inputs, so that inference copies no weights."""
    light = ModelProto()
    for part in ("ir_version",):
        setattr(light, part, getattr(model, part))
    light.opset_import.extend(model.opset_import)
    graph = light.graph
    graph.name = model.graph.name
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    graph.value_info.extend(model.graph.value_info)
    present = {item.name for item in model.graph.input}
    for item in model.graph.initializer:
        if len(item.raw_data) <= LARGE and item.ByteSize() <= 2 * LARGE:
            graph.initializer.append(item)
        elif item.name not in present:
            graph.input.append(helper.make_tensor_value_info(item.name, item.data_type, list(item.dims)))
    for node in model.graph.node:
        big = any(item.t.ByteSize() > LARGE for item in node.attribute if item.type == AttributeProto.TENSOR)
        if node.op_type == "Constant" and big:
            tensor = node.attribute[0].t
            graph.input.append(helper.make_tensor_value_info(node.output[0], tensor.data_type, list(tensor.dims)))
        else:
            graph.node.append(node)
    return light


def types_of(graph: GraphProto) -> dict[str, TypeProto]:
    """Type by name."""
    return {item.name: item.type for item in (*graph.input, *graph.value_info, *graph.output)}


def body_of(node: NodeProto, versions: dict[str, int], types: Sequence[TypeProto | None]) -> Any:
    """The standard's own definition of an operator in terms of others, a FunctionProto; None where it has none."""
    from onnx import defs

    if node.domain not in ("", "ai.onnx"):
        return None
    version = versions.get("", 1)
    try:
        schema = defs.get_schema(node.op_type, version, "")
    except defs.SchemaError:
        return None
    if schema.has_function:
        return schema.function_body
    if not schema.has_context_dependent_function:
        return None
    if any(item is None for item in types):
        return schema
    given = [item.SerializeToString() for item in types if item is not None]
    since = max(number for number in schema.context_dependent_function_opset_versions if number <= version)
    from onnx import FunctionProto

    body = FunctionProto()
    body.ParseFromString(
        schema.get_context_dependent_function_with_opset_version(since, node.SerializeToString(), given)
    )
    return body
