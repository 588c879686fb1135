"""Weights that make up for channels that are gone: least squares on what the whole model gives."""

from __future__ import annotations

from collections.abc import Set
from math import ceil
from typing import TYPE_CHECKING, Any

from edgebuild.compress.onnx_nodes import outputs_last
from edgebuild.compress.onnx_values import exposed
from edgebuild.compress.prune.fit import ROWS, SAMPLES, WIDEST, Fitted, least_squares
from edgebuild.compress.prune.onnx_cut import Feeds, give, run, tidied
from edgebuild.compress.prune.onnx_graph import OnnxNetwork
from edgebuild.compress.prune.onnx_windows import windows
from edgebuild.compress.prune.sensitivity import Progress

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto


def repaired(
    network: OnnxNetwork, narrow: ModelProto, left_out: Set[int], feeds: Feeds, progress: Progress | None = None
) -> ModelProto:
    """The narrower model with other weights where channels are gone.

    Args:
        network: of the whole model.
        narrow: without the channels; stays as it is.
        left_out: their classes.
        feeds: calibration samples.
        progress: told of each layer.

    Returns:
        The model; a layer whose held-back samples do not gain keeps its weights.
    """
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(narrow)
    feeds = feeds[:SAMPLES]
    names = [name for name in network.sites if to_fit(network, name, left_out)]
    for number, name in enumerate(names):
        if progress:
            progress(number, len(names), name)
        refit(network, made, name, left_out, feeds)
    return tidied(made)


def to_fit(network: OnnxNetwork, name: str, left_out: Set[int]) -> bool:
    """Whether a layer reads channels that are gone, in a way that a matrix can say."""
    site, node = network.sites[name], network.model.graph.node[network.nodes[name]]
    kernel = next((item for item in site.weights if item.name == "kernel"), None)
    if kernel is None or node.op_type == "ConvTranspose":
        return False
    factors = [item for item in node.attribute if item.name in ("alpha", "beta") and item.f != 1.0]
    reads = [numbers for role, numbers in kernel.axes.values() if role == "in"]
    return not factors and any(not network.kept(numbers, left_out).all() for numbers in reads)


def refit(network: OnnxNetwork, made: ModelProto, name: str, left_out: Set[int], feeds: Feeds) -> None:
    """Fit one layer of `made`, in place."""
    import numpy as np
    from onnx import numpy_helper

    place = network.nodes[name]
    node = made.graph.node[place]
    stored = {item.name: item for item in made.graph.initializer}
    kernel = numpy_helper.to_array(stored[node.input[1]])
    biased = len(node.input) > 2 and bool(node.input[2])
    bias = numpy_helper.to_array(stored[node.input[2]]) if biased else None
    turned = as_matrix(node, kernel)
    if turned.shape[0] > WIDEST or (bias is not None and bias.ndim != 1):
        return
    made_by = network.sites[name].makes()
    assert made_by is not None, "a layer that reads channels makes some"
    kept = network.kept(made_by, left_out)
    whole = values(network.model, network.model.graph.node[place].output[0], feeds)
    narrow = values(made, node.input[0], feeds)
    random, reads, gives, owners = np.random.default_rng(0), [], [], []
    for number, (x, y) in enumerate(zip(narrow, whole, strict=True)):
        row, answer = windows(node, kernel, x, y, ceil(ROWS / len(feeds)), random)
        reads.append(row)
        gives.append(answer[:, kept])
        owners += [number] * len(row)
    before = Fitted(turned.astype(np.float64), np.zeros(turned.shape[1]) if bias is None else bias.astype(np.float64))
    fitted = least_squares(
        np.concatenate(reads), np.concatenate(gives), np.array(owners), before, node.op_type != "MatMul"
    )
    if fitted is None:
        return
    give(made, place, 1, as_kernel(node, fitted.weights, kernel).astype(kernel.dtype))
    if node.op_type != "MatMul":
        give(made, place, 2, fitted.bias.astype(kernel.dtype))


def values(model: ModelProto, name: str, feeds: Feeds) -> list[np.ndarray]:
    """A value between the nodes, for each feed."""
    if any(item.name == name for item in model.graph.input):
        return [feed[name] for feed in feeds]
    # With all that follows: what is fused depends on who else reads a value.
    return [found[0] for found in run(exposed(model, [name]), feeds, [name])]


def as_matrix(node: Any, kernel: np.ndarray) -> np.ndarray:
    """(read, made): places of a window and channels of what is read in the kernel's order."""
    return kernel if outputs_last(node) else kernel.reshape(len(kernel), -1).T


def as_kernel(node: Any, matrix: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The other way."""
    return matrix if outputs_last(node) else matrix.T.reshape(like.shape)
