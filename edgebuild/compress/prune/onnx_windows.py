"""What a convolution reads at some of its places, as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    size, rank = kernel.shape[2:], kernel.ndim - 2
    strides, dilations = ints(node, "strides", [1] * rank), ints(node, "dilations", [1] * rank)
    first, last = pads(node, x.shape[2:], y.shape[2:], size)
    filled = np.pad(x, [(0, 0), (0, 0), *zip(first, last, strict=True)])
    places = drawn(int(np.prod(y.shape[2:])) * len(x), most, random)
    batch, *spots = np.unravel_index(places, (len(x), *y.shape[2:]))
    # One index for each axis, over places and then over the window.
    index: list[Any] = []
    for axis in range(rank):
        along = spots[axis][:, None] * strides[axis] + np.arange(size[axis])[None] * dilations[axis]
        index.append(along.reshape(len(places), *(-1 if other == axis else 1 for other in range(rank))))
    at: Any = (batch.reshape(-1, *[1] * rank), slice(None), *index)
    taken = filled[at]
    # The slice between the indices puts channels last.
    rows = np.moveaxis(taken, -1, 1).reshape(len(places), -1)
    at = (batch, slice(None), *spots)
    return rows, y[at]


def drawn(count: int, most: int, random: np.random.Generator) -> np.ndarray:
    """So many of `count` places, in rising order."""
    import numpy as np

    return np.arange(count) if count <= most else np.sort(random.choice(count, most, replace=False))


def ints(node: Any, name: str, default: list[int]) -> list[int]:
    """An attribute that is a list of numbers."""
    return next((list(item.ints) for item in node.attribute if item.name == name), default)


def pads(node: Any, given: Any, made: Any, size: Any) -> tuple[list[int], list[int]]:
    """Zeros before and after each axis, as the attribute says or `auto_pad` asks for."""
    rank = len(size)
    stated = ints(node, "pads", [0] * (2 * rank))
    word = next((item.s.decode() for item in node.attribute if item.name == "auto_pad"), "NOTSET")
    if word in ("NOTSET", "VALID"):
        return (stated[:rank], stated[rank:]) if word == "NOTSET" else ([0] * rank, [0] * rank)
    strides, dilations = ints(node, "strides", [1] * rank), ints(node, "dilations", [1] * rank)
    total = [max(0, (made[a] - 1) * strides[a] + (size[a] - 1) * dilations[a] + 1 - given[a]) for a in range(rank)]
    less = [item // 2 for item in total]
    more = [item - half for item, half in zip(total, less, strict=True)]
    return (less, more) if word == "SAME_UPPER" else (more, less)
