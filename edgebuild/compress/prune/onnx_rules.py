"""What each ONNX operator does with the channels it reads: a table from its type to a rule.

An operator that is not here makes the channels before it stay and is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from edgebuild.compress.onnx_nodes import attribute
from edgebuild.compress.prune.channels import Fold, Lanes, Site, along, fixed
from edgebuild.compress.prune.onnx_graph import Number, OnnxNetwork, named

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class At:
    """A node where the walk meets it."""

    network: OnnxNetwork
    place: int
    node: NodeProto
    given: Mapping[int, Lanes]
    """Values it reads, by the place among its inputs; without their batch axis."""
    shape: Shape
    """Of what it makes, without the batch axis."""

    @property
    def name(self) -> str:
        """Of the node."""
        return named(self.network.model, self.place)

    @property
    def first(self) -> Lanes:
        """The value that it works on."""
        return self.given[0]

    def stays(self, why: str) -> Lanes:
        """What the node reads keeps its width, and so does what it makes."""
        self.network.keep(self.name, why, list(self.given.values()))
        return fixed(self.shape)

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value."""
        return attribute(self.node, name, default)

    def constant(self, number: int) -> np.ndarray | None:
        """A stored input."""
        name = self.node.input[number] if number < len(self.node.input) else ""
        found: np.ndarray | None = self.network.constants.get(name)
        return found

    def along(self, axis: int, size: int) -> np.ndarray:
        """Channels along an axis of what it works on, so many; where they lie along another, they stay."""
        import numpy as np

        value = self.first
        if value.axis not in (None, axis % len(value.shape)):
            self.network.keep(self.name, "reads channels along another axis", [value])
            value = fixed(value.shape)
        return np.broadcast_to(value.numbers.reshape(-1), size).copy()

    def plain(self, numbers: np.ndarray, axis: int = 0, maker: Site | None = None) -> Lanes:
        """What it makes, with these channels along an axis."""
        found = along(numbers, axis % len(self.shape), self.shape)
        return Lanes(found.numbers, found.shape, maker)


def apply(network: OnnxNetwork, place: int, node: NodeProto, given: Mapping[int, Lanes]) -> list[Lanes]:
    """The channels of what a node makes, one for each of its outputs."""
    shapes = [network.shapes.get(name, ()) for name in node.output]
    at = At(network, place, node, given, shapes[0][1:] if shapes else ())
    rule = RULES.get(node.op_type) if not node.domain else None
    known = [node.input[number] for number in given] + [*node.output[:1]]
    batches = {network.shapes.get(node.input[number], (None,))[:1] for number in given} | {shapes[0][:1]}
    if not given:
        return [fixed(shape[1:]) for shape in shapes]
    if rule is None or len([name for name in node.output if name]) > 1:
        made = at.stays(f"is a {node.op_type}, whose channels cannot be told apart")
    elif not all(network.shapes.get(name) for name in known):
        made = at.stays(f"is a {node.op_type} of what has no known shape")
    elif 0 not in given or len(batches) > 1:
        made = at.stays(f"is a {node.op_type} whose first axis is no batch")
    else:
        made = rule(at)
    return [made, *(fixed(shape[1:]) for shape in shapes[1:])]


def convolution(at: At) -> Lanes:
    """Conv and ConvTranspose: a kernel from all channels to all channels, or one for each."""
    kernel, groups = at.constant(1), at.attribute("group", 1)
    if kernel is None or (at.constant(2) is None and len(at.node.input) > 2):
        return at.stays("has a kernel that is computed")
    transposed = at.node.op_type == "ConvTranspose"
    reads = at.along(0, kernel.shape[0] if transposed else kernel.shape[1] * groups)
    places = at.first.shape[1:] if transposed else at.shape[1:]
    positions = prod(size or 1 for size in places)
    if groups == len(reads) and groups > 1 and not transposed:
        made = reads.repeat(kernel.shape[0] // groups)
        at.network.numbers.append(Number(at.place, reads))
        own = {0: ("along", made)}
        site = at.network.site(at.name, at.place, positions, {1: ("kernel", own), 2: ("bias", own)})  # type: ignore[dict-item]
        return at.plain(made, maker=site)
    if groups != 1:
        return at.stays(f"convolves in {groups} groups")
    into, out = (0, 1) if transposed else (1, 0)
    made = at.network.channels.fresh(kernel.shape[out])
    site = at.network.site(
        at.name,
        at.place,
        positions,
        {1: ("kernel", {into: ("in", reads), out: ("out", made)}), 2: ("bias", {0: ("out", made)})},
    )
    return at.plain(made, maker=site)


def product(at: At) -> Lanes:
    """Gemm and MatMul by a stored matrix."""
    matrix, bias = at.constant(1), at.constant(2)
    plain = matrix is not None and matrix.ndim == 2 and not at.attribute("transA", 0)
    if matrix is None or not plain or (len(at.node.input) > 2 and bias is None):
        return at.stays("is no product with a stored matrix")
    into, out = (1, 0) if at.attribute("transB", 0) else (0, 1)
    reads = at.along(-1, matrix.shape[into])
    made = at.network.channels.fresh(matrix.shape[out])
    weights = {1: ("kernel", {into: ("in", reads), out: ("out", made)})}
    if bias is not None and bias.ndim and bias.shape[-1] == len(made):
        weights[2] = ("bias", {-1: ("out", made)})
    site = at.network.site(at.name, at.place, prod(size or 1 for size in at.shape[:-1]), weights)  # type: ignore[arg-type]
    return at.plain(made, -1, site)


def normalisation(at: At) -> Lanes:
    """BatchNormalization: a factor and a shift for each channel."""
    words, scale = {1: "gamma", 2: "beta", 3: "mean", 4: "variance"}, at.constant(1)
    if scale is None or any(at.constant(number) is None for number in words):
        return at.stays("normalises by what is computed")
    numbers = at.along(0, len(scale))
    site = at.network.site(
        at.name, at.place, 0, {number: (word, {0: ("along", numbers)}) for number, word in words.items()}
    )
    if at.first.maker is not None:
        at.first.maker.fold = Fold(site.name, "gamma", "variance", float(at.attribute("epsilon", 1e-5)))
    return at.plain(numbers)


def each(at: At) -> Lanes:
    """One element at a time."""
    return Lanes(at.first.numbers, at.shape)


def places(at: At) -> Lanes:
    """Pooling: each channel alone, over its places."""
    size = at.first.shape[0] or at.first.numbers.size
    return at.plain(at.along(0, size))


def _rules() -> dict[str, Callable[[At], Lanes]]:
    from edgebuild.compress.prune.onnx_joins import joined, merged, padded, reduced, reshaped, resized

    alone = (
        "Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus",
        "Softsign", "Clip", "Abs", "Neg", "Exp", "Sqrt", "Erf", "Gelu", "Mish", "Identity", "Dropout",
        "ThresholdedRelu",
    )  # fmt: skip
    return {
        **dict.fromkeys(("Conv", "ConvTranspose"), convolution),
        **dict.fromkeys(("Gemm", "MatMul"), product),
        "BatchNormalization": normalisation,
        **dict.fromkeys(alone, each),
        **dict.fromkeys(("MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool"), places),
        **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Max", "Min", "PRelu", "Pow"), merged),
        **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"), reshaped),
        **dict.fromkeys(("ReduceMean", "ReduceSum", "ReduceMax"), reduced),
        "Concat": joined,
        "Pad": padded,
        "Resize": resized,
    }


RULES = _rules()
"""Type of an operator to its rule."""
