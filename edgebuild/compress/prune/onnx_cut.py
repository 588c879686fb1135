"""An ONNX model with fewer channels: the same nodes, with what stays of their weights."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

from edgebuild.compress.onnx_values import session
from edgebuild.compress.prune.onnx_graph import OnnxNetwork
from edgebuild.compress.prune.same import hold

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

Feeds = list[dict[str, Any]]


def narrowed(network: OnnxNetwork, left_out: Set[int]) -> ModelProto:
    """The model without some classes of channels; the network's own stays as it is."""
    import numpy as np
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(network.model)
    for site, weight in network.every_weight():
        value = network.constants[network.source(site.name, weight.name)]
        cut = network.sliced(value, weight, left_out)
        give(made, network.nodes[site.name], network.inputs[site.name, weight.name], cut)
    for item in network.numbers:
        count, node = int(network.kept(item.numbers, left_out).sum()), made.graph.node[item.node]
        if item.input is None:
            next(entry for entry in node.attribute if entry.name == "group").i = count
            continue
        known = next((one for one in made.graph.initializer if one.name == node.input[item.input]), None)
        sizes = onnx.numpy_helper.to_array(known) if known else network.constants[node.input[item.input]]
        sizes = np.array(sizes)
        sizes[item.place] = count
        give(made, item.node, item.input, sizes)
    return tidied(made)


def unread(network: OnnxNetwork, left_out: Set[int]) -> ModelProto:
    """The whole model with zeros where weights read these channels: it answers what the narrower one answers."""
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(network.model)
    for site, weight in network.every_weight():
        value = network.constants[network.source(site.name, weight.name)]
        masked = network.masked(value, weight, left_out)
        if masked is not None:
            give(made, network.nodes[site.name], network.inputs[site.name, weight.name], masked)
    return tidied(made)


def give(model: ModelProto, node: int, place: int, value: np.ndarray) -> None:
    """A stored array of its own for one input of a node: others may read the same one and keep it whole."""
    import numpy as np
    from onnx import numpy_helper

    taken = model.graph.node[node].input
    while len(taken) <= place:
        taken.append("")
    name = f"{taken[place]}_{node}_{place}".lstrip("_")
    while any(item.name == name for item in model.graph.initializer):
        name += "_"
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    taken[place] = name


def tidied(model: ModelProto) -> ModelProto:
    """The model without stored arrays that nobody reads any more, and without the sizes it had before."""
    read = {name for node in model.graph.node for name in node.input} | {item.name for item in model.graph.output}
    inner = any(entry.HasField("g") or entry.graphs for node in model.graph.node for entry in node.attribute)
    kept = [item for item in model.graph.initializer if item.name in read or inner]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    del model.graph.value_info[:]
    return model


def run(model: ModelProto, feeds: Feeds, wanted: list[str] | None = None) -> list[list[np.ndarray]]:
    """What ONNX Runtime answers, by feed and output."""
    opened = session(model, "basic")
    return [opened.run(wanted, feed) for feed in feeds]


def hold_against(network: OnnxNetwork, made: ModelProto, left_out: Set[int], feeds: Feeds) -> None:
    """Compare what a narrower model answers with what the whole one does without those channels.

    Raises:
        Refused: they differ: a node does something with its channels that nobody knows of.
    """
    for wanted, found in zip(run(unread(network, left_out), feeds), run(made, feeds), strict=True):
        for item, want, got in zip(network.model.graph.output, wanted, found, strict=True):
            hold(item.name, want, got)


def example(network: OnnxNetwork, sizes: Mapping[str, int] | None = None) -> Feeds:
    """One feed of unit normals, small whole numbers where integers are wanted.

    Open sizes are as given, else 1 of the batch and 32 of the others.
    """
    import numpy as np
    import onnx

    random, feed = np.random.default_rng(0), dict[str, Any]()
    for item in network.model.graph.input:
        if item.name in network.constants:
            continue
        kind = item.type.tensor_type
        shape = [
            max(axis.dim_value, 0) or (sizes or {}).get(axis.dim_param, 32 if place else 1)
            for place, axis in enumerate(kind.shape.dim)
        ]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)
        whole = dtype.kind in "iub"
        feed[item.name] = (random.integers(0, 2, shape) if whole else random.normal(size=shape)).astype(dtype)
    return [feed]
