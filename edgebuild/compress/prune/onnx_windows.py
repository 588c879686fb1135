"""What a convolution reads at some of its places, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgebuild.compress.im2col import im2col

if TYPE_CHECKING:
    import numpy as np


def windows(
    node: Any, kernel: np.ndarray, x: np.ndarray, y: np.ndarray, most: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Some places of what a layer gives, and what it reads for them.

    Args:
        node: a Conv of one group, Gemm or MatMul.
        kernel: of it; (made, read, …) for a Conv.
        x: (1, read, …) what a Conv reads; (…, read) of others.
        y: what it gives.
        most: so many places, drawn without repeating.
        random: draws them.

    Returns:
        (places, read · window) with the window's places last, and (places, made).
    """
    import numpy as np

    if node.op_type != "Conv":
        rows, answers = x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1])
        chosen = drawn(len(rows), most, random)
        return rows[chosen], answers[chosen]
    laid = im2col(x, node, kernel.shape[2:])
    batch_and_places = laid.shape[: x.ndim - 1]
    places = drawn(int(np.prod(batch_and_places)), most, random)
    batch, *spots = np.unravel_index(places, batch_and_places)
    at: Any = (batch, slice(None), *spots)
    return np.ascontiguousarray(laid[(batch, *spots)]).reshape(len(places), -1), y[at]


def drawn(count: int, most: int, random: np.random.Generator) -> np.ndarray:
    """So many of `count` places, in rising order."""
    import numpy as np

    return np.arange(count) if count <= most else np.sort(random.choice(count, most, replace=False))
