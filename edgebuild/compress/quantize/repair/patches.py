"""Layers as products of matrices: the weights of each group, and the rows that they are multiplied with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.quantize.repair.layers import attribute

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto

ROWS = 256
"""Positions of one sample that are looked at, evenly spread."""


def turned(node: NodeProto) -> bool:
    """Whether weights are stored with the outputs in the last axis."""
    return bool(node.op_type == "MatMul" or (node.op_type == "Gemm" and not attribute(node, "transB", 0)))


def matrices(weights: np.ndarray, node: NodeProto) -> np.ndarray:
    """Weights as (groups, outputs, inputs) of each group."""
    groups = int(attribute(node, "group", 1))
    plain = weights.T if turned(node) else weights
    return plain.reshape(groups, plain.shape[0] // groups, -1).copy()


def as_stored(found: np.ndarray, node: NodeProto, shape: tuple[int, ...]) -> np.ndarray:
    """The other way round."""
    if turned(node):
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
    kernel, spatial = shape[2:], value.ndim - 2
    dilations = attribute(node, "dilations", [1] * spatial)
    strides = attribute(node, "strides", [1] * spatial)
    padded = np.pad(value, [(0, 0), (0, 0), *pads_of(value.shape[2:], node, kernel)])
    span = tuple((size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(padded, span, axis=tuple(range(2, value.ndim)))
    windows = windows[(slice(None), slice(None), *(slice(None, None, step) for step in (*strides, *dilations)))]
    places = windows.shape[2 : 2 + spatial]
    count = int(np.prod(places)) * value.shape[0]
    # (batch, channels, places…, kernel…) → (batch and places, channels, kernel).
    order = (0, *range(2, 2 + spatial), 1, *range(2 + spatial, windows.ndim))
    chosen = np.unravel_index(np.arange(0, count, stride(count)), (value.shape[0], *places))
    picked = windows.transpose(order)[chosen]
    groups = int(attribute(node, "group", 1))
    return np.ascontiguousarray(picked.reshape(len(picked), groups, -1).transpose(1, 0, 2))


def stride(count: int) -> int:
    """Distance of the rows that are looked at."""
    return -(-count // ROWS)


def pads_of(size: tuple[int, ...], node: NodeProto, kernel: tuple[int, ...]) -> list[tuple[int, int]]:
    """Zeros before and after each spatial axis."""
    spatial = len(size)
    given = attribute(node, "pads", None)
    how = attribute(node, "auto_pad", b"NOTSET").decode()
    if how in ("NOTSET", "VALID"):
        pads = list(given) if given and how == "NOTSET" else [0] * 2 * spatial
        return [(int(pads[axis]), int(pads[axis + spatial])) for axis in range(spatial)]
    found = []
    strides = attribute(node, "strides", [1] * spatial)
    dilations = attribute(node, "dilations", [1] * spatial)
    for length, wide, step, apart in zip(size, kernel, strides, dilations, strict=True):
        total = max((-(-length // step) - 1) * step + (wide - 1) * apart + 1 - length, 0)
        half = total // 2
        found.append((half, total - half) if how == "SAME_UPPER" else (total - half, half))
    return found
