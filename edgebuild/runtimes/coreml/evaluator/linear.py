"""Products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.activation import softmax

Array = np.ndarray


def linear(x: Array, weight: Array, bias: Any = None) -> Array:
    """Give x @ weight.T + bias."""
    rows = np.reshape(x, (-1, np.shape(x)[-1]))
    # The weight on the left, as it lies in memory: a fifth faster, and no second copy of it.
    result = np.ascontiguousarray(np.matmul(weight, rows.T).T)
    if bias is not None:
        result += bias
    return result.reshape(*np.shape(x)[:-1], -1)


def matmul(x: Array, y: Array, transpose_x: Any = False, transpose_y: Any = False) -> Array:
    """Give x @ y, either with its last two axes exchanged first."""
    left = np.swapaxes(x, -1, -2) if transpose_x else x
    right = np.swapaxes(y, -1, -2) if transpose_y else y
    return np.asarray(np.matmul(left, right))


def einsum(values: list[Array], equation: str) -> Array:
    """Einstein's sum; an axis of length 1 stretches to its partner."""
    sizes: dict[str, int] = {}
    names = str(equation).replace(" ", "").split("->")[0].split(",")
    for term, value in zip(names, values, strict=True):
        for axis, size in zip(term, value.shape, strict=True):
            sizes[axis] = max(size, sizes.get(axis, 1))
    whole = [np.broadcast_to(v, [sizes[axis] for axis in term]) for term, v in zip(names, values, strict=True)]
    # A sum of one tensor may be a view of it.
    return np.array(np.einsum(str(equation), *whole, optimize=True))


def scaled_dot_product_attention(query: Array, key: Array, value: Array, attn_mask: Any = None) -> Array:
    """softmax(query @ key.T / sqrt(E) + mask) @ value; a mask of booleans says what takes part."""
    scores = np.matmul(query, np.swapaxes(key, -1, -2))
    scores /= np.float32(np.sqrt(query.shape[-1]))
    if attn_mask is not None:
        mask = np.asarray(attn_mask)
        added = np.where(mask, np.float32(0), np.float32(-np.inf)) if mask.dtype == np.bool_ else mask
        scores = scores + added
    return np.asarray(np.matmul(softmax(scores), value))
