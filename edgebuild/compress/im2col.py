"""What a convolution multiplies its kernel with, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.onnx_nodes import attribute

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from onnx import NodeProto


def im2col(value: np.ndarray, node: NodeProto, kernel: Sequence[int]) -> np.ndarray:
    """All windows of a value; copies nothing but the padding.

    Args:
        value: (batch, channels, …), what the node reads.
        node: a Conv.
        kernel: sizes of its spatial axes.

    Returns:
        (batch, places…, channels, kernel…), a view.
    """
    import numpy as np

    spatial = value.ndim - 2
    dilations = attribute(node, "dilations", [1] * spatial)
    strides = attribute(node, "strides", [1] * spatial)
    padded = np.pad(value, [(0, 0), (0, 0), *padding(node, value.shape[2:], kernel)])
    span = tuple((size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(padded, span, axis=tuple(range(2, value.ndim)))
    windows = windows[(slice(None), slice(None), *(slice(None, None, step) for step in (*strides, *dilations)))]
    return windows.transpose(0, *range(2, 2 + spatial), 1, *range(2 + spatial, windows.ndim))


def padding(node: NodeProto, size: Sequence[int], kernel: Sequence[int]) -> list[tuple[int, int]]:
    """Zeros before and after each spatial axis, as `pads` says or `auto_pad` asks for."""
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
