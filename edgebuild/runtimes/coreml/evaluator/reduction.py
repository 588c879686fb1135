"""Reductions along axes; all of them where none are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
Reduction = Callable[..., Array]


def over(compute: Callable[[Array, tuple[int, ...] | None, bool], Array]) -> Reduction:
    """A MIL reduction from numpy's way to write one."""

    def reduce(x: Array, axes: Any = None, keep_dims: Any = False) -> Array:
        chosen = None if axes is None else tuple(int(axis) for axis in np.atleast_1d(axes))
        return np.asarray(compute(x, chosen, bool(keep_dims)))

    return reduce


def log_sum_exp(x: Array, axes: tuple[int, ...] | None, keep: bool) -> Array:
    """The logarithm of the sum of e^x, from the largest value so that nothing overflows."""
    top = np.max(x, axis=axes, keepdims=True)
    total: Array = np.log(np.sum(np.exp(x - top), axis=axes, keepdims=True)) + top
    if keep:
        return total
    return np.squeeze(total, axis=axes)


def _argument(find: Callable[..., Any]) -> Reduction:
    def reduce(x: Array, axis: Any = -1, keep_dims: Any = False, output_dtype: Any = "int32") -> Array:
        found = np.asarray(find(x, axis=int(axis), keepdims=bool(keep_dims)))
        return found.astype(str(output_dtype))

    return reduce


argmax = _argument(np.argmax)
argmin = _argument(np.argmin)
l1_norm = over(lambda x, axes, keep: np.sum(np.abs(x), axis=axes, keepdims=keep))
l2_norm = over(lambda x, axes, keep: np.sqrt(np.sum(np.square(x), axis=axes, keepdims=keep)))
log_sum = over(lambda x, axes, keep: np.log(np.sum(x, axis=axes, keepdims=keep)))
logsumexp = over(log_sum_exp)
maximum = over(lambda x, axes, keep: np.max(x, axis=axes, keepdims=keep))
mean = over(lambda x, axes, keep: np.mean(x, axis=axes, keepdims=keep))
minimum = over(lambda x, axes, keep: np.min(x, axis=axes, keepdims=keep))
product = over(lambda x, axes, keep: np.prod(x, axis=axes, keepdims=keep))
total = over(lambda x, axes, keep: np.sum(x, axis=axes, keepdims=keep))
sum_square = over(lambda x, axes, keep: np.sum(np.square(x), axis=axes, keepdims=keep))
