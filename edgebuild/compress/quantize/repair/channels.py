"""Which activations of an ONNX model can be rescaled channel by channel, and where what makes and reads them is stored.

A scale of a channel passes through ReLU, poolings and additions, so an activation belongs to a group: all tensors that
must have the same scales. Of a residual network each stage is one. A group is free where all its makers and readers
have stored numbers that take the scales up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgebuild.compress.onnx_nodes import attribute, captured
from edgebuild.compress.quantize.repair.layers import layer_sides, reduced
from edgebuild.compress.quantize.repair.sides import Side, by_channel

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

THROUGH = ("Relu", "LeakyRelu", "Identity", "Dropout")
"""Of a positive factor they make the same factor: f(s·x) = s·f(x). Of Clip, as ReLU6 is written, that is not so."""
IMAGES = ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Resize")
"""Scale-equivariant as well, with channels in axis 1."""


@dataclass
class Channels:
    """Activations that are rescaled together."""

    tensors: set[str] = field(default_factory=set)
    makers: list[Side] = field(default_factory=list)
    """Stored numbers whose outputs are among the tensors: a channel is divided by its scale."""
    readers: list[Side] = field(default_factory=list)
    """Those that read one of them: a channel is multiplied."""
    read: set[str] = field(default_factory=set)
    """Those of the tensors that `readers` read."""
    sizes: set[int] = field(default_factory=set)
    """Numbers of channels of the makers; more than one is a contradiction."""
    axes: set[str] = field(default_factory=set)
    """Where the channels lie in tensors of more than two axes: `first` after the batch, or `last`."""
    frozen: bool = False
    flattened: bool = False

    @property
    def free(self) -> bool:
        """Whether the channels can be rescaled without anybody noticing."""
        return not self.frozen and len(self.sizes) == 1 and bool(self.makers) and bool(self.readers)

    @property
    def count(self) -> int:
        """Number of channels."""
        return next(iter(self.sizes))


class Finder:
    """Walks a graph once and tells its groups."""

    def __init__(self, model: ModelProto) -> None:
        """Args: model: without shared small initializers; see `unshared`."""
        import onnx

        inferred = onnx.shape_inference.infer_shapes(model)
        graph = model.graph
        values = [*inferred.graph.value_info, *graph.input, *graph.output]
        self.ranks = {item.name: len(item.type.tensor_type.shape.dim) for item in values}
        self.stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
        reads = [name for node in graph.node for name in node.input]
        self.shared = {name for name in self.stored if reads.count(name) > 1}
        self.of: dict[str, Channels] = {}
        for node in graph.node:
            self.visit(node)
        inner = [name for node in graph.node for name in captured(node)]
        for name in [item.name for item in (*graph.input, *graph.output)] + inner:
            self.group(name).frozen = True

    def groups(self) -> list[Channels]:
        """Each once, in the order of the graph; those with a contradiction are frozen."""
        found = list({id(group): group for group in self.of.values()}.values())
        for group in found:
            group.frozen |= len(group.axes) > 1
            for side in group.readers:
                width = len(by_channel(self.stored[side.name], side))
                sizes = {size for size in group.sizes if width == size or (group.flattened and width % size == 0)}
                group.frozen |= len(sizes) != len(group.sizes)
        return found

    def group(self, name: str) -> Channels:
        """The group that a tensor is in."""
        if name not in self.of:
            self.of[name] = Channels(tensors={name})
        return self.of[name]

    def join(self, *names: str) -> Channels:
        """Say that tensors have the same scales."""
        first, *rest = {id(self.group(name)): self.group(name) for name in names}.values()
        for other in rest:
            first.tensors |= other.tensors
            first.makers += other.makers
            first.readers += other.readers
            first.read |= other.read
            first.sizes |= other.sizes
            first.axes |= other.axes
            first.frozen |= other.frozen
            first.flattened |= other.flattened
            for name in other.tensors:
                self.of[name] = first
        return first

    def mark(self, name: str, axis: str) -> Channels:
        """Say where the channels of a tensor lie; of two axes there is one choice."""
        group = self.group(name)
        if self.ranks.get(name, 0) != 2:
            group.axes.add(axis)
        return group

    def freeze(self, node: NodeProto) -> None:
        """Say that nothing is known of an operator."""
        for name in (*node.input, *node.output):
            if name and name not in self.stored:
                self.group(name).frozen = True

    def visit(self, node: NodeProto) -> None:
        """Tell what an operator does to the scales of its operands."""
        given = [name for name in node.input if name]
        known = [name for name in given if name in self.stored]
        if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul", "LayerNormalization"):
            self.layer(node)
        elif node.op_type in THROUGH and len(given) == 1:
            self.join(given[0], node.output[0])
        elif node.op_type in IMAGES:
            self.join(given[0], node.output[0])
            self.mark(given[0], "first")
        elif node.op_type == "Add" and not known:
            self.join(*given, node.output[0])
        elif node.op_type in ("Add", "Mul") and len(known) == 1:
            self.vector(node, next(name for name in given if name not in self.stored), known[0])
        elif node.op_type in ("Flatten", "Reshape", "ReduceMean"):
            self.reshaped(node)
        else:
            self.freeze(node)

    def layer(self, node: NodeProto) -> None:
        """An operator with weights."""
        names = list(node.input)
        weights = names[1] if len(names) > 1 and names[1] in self.stored else ""
        bias = names[2] if len(names) > 2 and names[2] else ""
        width = len(by_channel(self.stored[weights], layer_sides(node, self.stored[weights])[1])) if weights else 0
        odd = bias and (bias not in self.stored or self.stored[bias].size != width)
        if not weights or odd or {weights, bias} & self.shared:
            self.freeze(node)
            return
        into, out = layer_sides(node, self.stored[weights])
        axis = "first" if node.op_type.startswith("Conv") else "last"
        made = self.mark(node.output[0], axis)
        made.makers.append(out)
        if bias:
            made.makers.append(Side(bias, self.stored[bias].ndim - 1, free=True))
        made.sizes.add(width)
        read = self.mark(names[0], axis)
        if into is None:
            read.frozen = True
            return
        read.readers.append(into)
        read.read.add(names[0])

    def vector(self, node: NodeProto, dynamic: str, name: str) -> None:
        """An addition of or product with stored numbers, one for each channel."""
        stored = self.stored[name]
        wide = [axis for axis, count in enumerate(stored.shape) if count > 1]
        if stored.size == 1 and node.op_type == "Mul" and float(stored.reshape(-1)[0]) > 0:
            self.join(dynamic, node.output[0])
        elif len(wide) != 1 or name in self.shared:
            self.freeze(node)
        else:
            side, behind = Side(name, wide[0], free=True), stored.ndim - 1 - wide[0]
            axis = "last" if behind == 0 else "first" if behind == self.ranks.get(dynamic, 0) - 2 else ""
            groups = [self.group(dynamic), self.group(node.output[0])]
            if node.op_type == "Add":
                groups = [self.join(dynamic, node.output[0])]
            else:
                groups[0].readers.append(side)
                groups[0].read.add(dynamic)
            groups[-1].makers.append(side)
            groups[-1].sizes.add(stored.size)
            for tensor in (dynamic, node.output[0]):
                self.mark(tensor, axis).frozen |= not axis

    def reshaped(self, node: NodeProto) -> None:
        """What goes from images to rows keeps the channels in order."""
        source, made = node.input[0], node.output[0]
        rank = self.ranks.get(source, 0)
        if node.op_type == "ReduceMean":
            axes = reduced(node, self.stored, rank)
            if rank > 2 and axes and 1 not in axes:
                self.join(source, made)
                self.mark(source, "first")
                return
        elif rank > 2 and self.ranks.get(made, 0) == 2 and attribute(node, "axis", 1) == 1:
            self.join(source, made).flattened = True
            self.mark(source, "first")
            return
        self.freeze(node)
