"""Convolutions of one to three spatial axes.

A weight known at load is given to a kernel once: a 1x1 convolution is one matrix product, others run in ONNX Runtime
where it is installed, else as products over shifted views.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.kernel import Attributes, kernel
from edgebuild.runtimes.coreml.evaluator.windows import integers, padded, padding

Array = np.ndarray
Prepared = Callable[..., Array]


def conv(threads: int, given: dict[str, Any]) -> Prepared:
    """`conv` with the constants that are known; weight and bias may follow at run time.

    Args:
        threads: of a kernel of ONNX Runtime.
        given: constant inputs by MIL's names; weight [C_out, C_in / groups, *kernel].
    """
    if "weight" not in given:
        return lambda x, weight, bias=None: conv(threads, {**given, "weight": weight, "bias": bias})(x)
    weight, bias = np.asarray(given["weight"], np.float32), given.get("bias")
    apply = Window(weight.shape, given).kernel(weight, threads)

    def run(x: Array, bias: Any = bias) -> Array:
        return with_bias(apply(x), bias)

    return run


def conv_transpose(threads: int, given: dict[str, Any]) -> Prepared:
    """`conv_transpose`: the whole result, then cut or filled with zeros to the size asked for."""
    if "weight" not in given:
        return lambda x, weight, bias=None: conv_transpose(threads, {**given, "weight": weight, "bias": bias})(x)
    weight, bias = np.asarray(given["weight"], np.float32), given.get("bias")
    rank = weight.ndim - 2
    strides, dilations = integers(given.get("strides", [1] * rank)), integers(given.get("dilations", [1] * rank))
    groups = int(given.get("groups", 1))
    wanted: Attributes = {"group": groups, "strides": strides, "dilations": dilations}
    whole = kernel("ConvTranspose", weight, wanted, threads) or (
        lambda x: spread(x, weight, strides, dilations, groups)
    )

    def run(x: Array, bias: Any = bias) -> Array:
        return with_bias(cut(whole(np.ascontiguousarray(x)), x.shape[2:], strides, given), bias)

    return run


def with_bias(y: Array, bias: Any) -> Array:
    """One value added to each channel."""
    if bias is not None:
        y += np.reshape(bias, (-1, *(1,) * (y.ndim - 2)))
    return y


class Window:
    """What one convolution does at each place, and the fastest way to it. It holds no weight: its kernel does."""

    def __init__(self, shape: tuple[int, ...], given: dict[str, Any]) -> None:
        """Args: shape: of the weight. given: the operator's constants."""
        rank = len(shape) - 2
        self.shape, self.groups = shape, int(given.get("groups", 1))
        self.strides = integers(given.get("strides", [1] * rank))
        self.dilations = integers(given.get("dilations", [1] * rank))
        self.sides = [(size - 1) * gap + 1 for size, gap in zip(shape[2:], self.dilations, strict=True)]
        self.pad_type, self.pad = str(given.get("pad_type", "valid")), given.get("pad")

    def around(self, x: Array) -> list[tuple[int, int]]:
        """Padding for this input."""
        return padding(self.pad_type, x.shape[2:], self.sides, self.strides, self.pad)

    def kernel(self, weight: Array, threads: int) -> Callable[[Array], Array]:
        """The convolution without its bias."""
        if self.pointwise():
            return product(weight)
        wanted: Attributes = {"group": self.groups, "strides": self.strides, "dilations": self.dilations}
        if self.pad_type.lower() in ("valid", "custom"):
            around = self.around(np.empty((1, 1, *self.sides), np.float32))
            pads = [before for before, _ in around] + [after for _, after in around]
            inside = kernel("Conv", weight, {**wanted, "pads": pads}, threads)
            if inside:
                return lambda x: inside(np.ascontiguousarray(x))
        bare = kernel("Conv", weight, wanted, threads) or (lambda x: self.shifted(x, weight))
        return lambda x: bare(np.ascontiguousarray(padded(x, self.around(x))))

    def pointwise(self) -> bool:
        """Whether every output is a product over the channels of one place, on every place."""
        ones = {*self.shape[2:], *self.strides, self.groups} == {1}
        return ones and (self.pad_type.lower() != "custom" or not np.any(self.pad))

    def shifted(self, x: Array, weight: Array) -> Array:
        """The sum over the kernel's offsets of products with shifted views of a padded input."""
        count, channels, *spatial = x.shape
        sizes = [(s - side) // step + 1 for s, side, step in zip(spatial, self.sides, self.strides, strict=True)]
        weight = weight.reshape(self.groups, -1, channels // self.groups, *self.shape[2:])
        total = np.zeros((count, self.groups, weight.shape[1], int(np.prod(sizes))), np.float32)
        for offset in itertools.product(*(range(size) for size in self.shape[2:])):
            begins = [o * gap for o, gap in zip(offset, self.dilations, strict=True)]
            reach = [
                slice(b, b + (n - 1) * step + 1, step) for b, n, step in zip(begins, sizes, self.strides, strict=True)
            ]
            view = x[(slice(None), slice(None), *reach)].reshape(count, self.groups, channels // self.groups, -1)
            total += np.matmul(at(weight, offset), view)
        return total.reshape(count, -1, *sizes)


def product(weight: Array) -> Callable[[Array], Array]:
    """A 1x1 convolution as a matrix product."""
    matrix = np.ascontiguousarray(weight.reshape(weight.shape[:2]))

    def apply(x: Array) -> Array:
        flat = np.matmul(matrix, x.reshape(x.shape[0], x.shape[1], -1))
        return flat.reshape(x.shape[0], -1, *x.shape[2:])

    return apply


def at(weight: Array, offset: tuple[int, ...]) -> Array:
    """The matrices of one offset of a kernel."""
    index: Any = (..., *offset)
    return weight[index]


def spread(x: Array, weight: Array, strides: list[int], dilations: list[int], groups: int) -> Array:
    """A transposed convolution without padding: each input adds its kernel to the output."""
    count, channels, *spatial = x.shape
    kernels = weight.reshape(groups, channels // groups, *weight.shape[1:])
    flat = x.reshape(count, groups, channels // groups, -1)
    sizes = [
        (s - 1) * step + (k - 1) * gap + 1
        for s, step, k, gap in zip(spatial, strides, weight.shape[2:], dilations, strict=True)
    ]
    total = np.zeros((count, groups * weight.shape[1], *sizes), np.float32)
    for offset in itertools.product(*(range(size) for size in weight.shape[2:])):
        part = np.matmul(np.swapaxes(at(kernels, offset), 1, 2), flat).reshape(count, -1, *spatial)
        begins = [o * gap for o, gap in zip(offset, dilations, strict=True)]
        reach = [slice(b, b + (s - 1) * step + 1, step) for b, s, step in zip(begins, spatial, strides, strict=True)]
        total[(slice(None), slice(None), *reach)] += part
    return total


def cut(whole: Array, spatial: tuple[int, ...], strides: list[int], given: dict[str, Any]) -> Array:
    """The part of a full transposed convolution that `pad_type`, `pad` and `output_shape` ask for."""
    kind, sizes = str(given.get("pad_type", "valid")).lower(), whole.shape[2:]
    if kind == "custom":
        pads = integers(given["pad"])
        begins = pads[0::2]
        wanted = [size - b - a for size, b, a in zip(sizes, begins, pads[1::2], strict=True)]
    elif kind == "same":
        wanted = [size * step for size, step in zip(spatial, strides, strict=True)]
        begins = [max(0, size - goal) // 2 for size, goal in zip(sizes, wanted, strict=True)]
    else:
        begins, wanted = [0] * len(sizes), list(sizes)
    if given.get("output_shape") is not None:
        wanted = integers(given["output_shape"])[2:]
        if kind == "same":
            begins = [max(0, size - goal) // 2 for size, goal in zip(sizes, wanted, strict=True)]
    inner = [slice(begin, begin + goal) for begin, goal in zip(begins, wanted, strict=True)]
    part = whole[(slice(None), slice(None), *inner)]
    missing = [(0, goal - size) for goal, size in zip(wanted, part.shape[2:], strict=True)]
    return padded(part, missing) if any(after for _, after in missing) else np.ascontiguousarray(part)
