"""Layers as products of matrices: the weights of each group, and the rows that they are multiplied with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.im2col import im2col
from edgebuild.compress.onnx_nodes import attribute, outputs_last

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto

ROWS = 256
"""Positions of one sample that are looked at, evenly spread."""


def matrices(weights: np.ndarray, node: NodeProto) -> np.ndarray:
    """Weights as (groups, outputs, inputs) of each group."""
    groups = int(attribute(node, "group", 1))
    plain = weights.T if outputs_last(node) else weights
    return plain.reshape(groups, plain.shape[0] // groups, -1).copy()


def as_stored(found: np.ndarray, node: NodeProto, shape: tuple[int, ...]) -> np.ndarray:
    """The other way round."""
    if outputs_last(node):
        return found.reshape(shape[::-1]).T
    return found.reshape(shape)


def rows_of(value: np.ndarray, node: NodeProto, shape: tuple[int, ...]) -> np.ndarray:
    """What the weights are multiplied with, (groups, rows, inputs).

    Args:
        value: what the layer reads, with its batch axis.
        node: the layer.
        shape: of its weights as stored.
    """
    import numpy as np

    if node.op_type != "Conv":
        rows = value.reshape(-1, value.shape[-1])
        return np.ascontiguousarray(rows[None, :: stride(len(rows))])
    windows = im2col(value, node, shape[2:])
    batch_and_places = windows.shape[: value.ndim - 1]
    count = int(np.prod(batch_and_places))
    picked = windows[np.unravel_index(np.arange(0, count, stride(count)), batch_and_places)]
    groups = int(attribute(node, "group", 1))
    return np.ascontiguousarray(picked.reshape(len(picked), groups, -1).transpose(1, 0, 2))


def stride(count: int) -> int:
    """Distance of the rows that are looked at."""
    return -(-count // ROWS)
