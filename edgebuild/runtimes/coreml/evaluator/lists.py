"""Lists of tensors, as loops fill them; each operator gives a new one."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.windows import integers

Array = np.ndarray
Tensors = list[Any]


def make_list(init_length: Any = 1, **given: Any) -> Tensors:  # noqa: ARG001 - what the elements are shows as they come
    """So many elements that nothing has been written to."""
    return [None] * int(init_length)


def list_length(ls: Tensors) -> Array:
    """How many elements."""
    return np.asarray(len(ls), np.int32)


def list_read(ls: Tensors, index: Any) -> Array:
    """One element."""
    return np.asarray(ls[int(np.asarray(index).item())])


def list_write(ls: Tensors, index: Any, value: Array) -> Tensors:
    """With one element written; the list grows as far as that."""
    place = int(np.asarray(index).item())
    found = ls + [None] * (place + 1 - len(ls))
    found[place] = value
    return found


def list_gather(ls: Tensors, indices: Any) -> Array:
    """Elements along a new first axis, zeros for those never written."""
    found = [ls[index] for index in integers(indices)]
    shape = next(np.shape(item) for item in found if item is not None)
    return np.stack([np.zeros(shape, np.float32) if item is None else item for item in found])


def list_scatter(ls: Tensors, indices: Any, value: Array) -> Tensors:
    """With elements written from the first axis of a tensor."""
    for index, item in zip(integers(indices), value, strict=True):
        ls = list_write(ls, index, item)
    return ls
