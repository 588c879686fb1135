"""What a name of the ONNX graph stands for while it is lowered: an array, a MIL variable, or one of two in between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
INT32 = np.iinfo(np.int32)
FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Packed:
    """A constant kept in 4 or 8 bits: `scale · (data − zero_point)`, both of a size that divides `data`'s or is 1."""

    data: Array
    scale: Array
    """float32; its rank is that of `data`."""
    zero_point: Array
    """Of the type and rank of `data`."""
    bits: int = 8

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the constant."""
        return self.data.shape

    def floats(self) -> Array:
        """The constant in float32."""
        scale, zero = (spread(item, self.data.shape) for item in (self.scale, self.zero_point))
        return (self.data.astype(np.float32) - zero.astype(np.float32)) * scale

    def transposed(self, perm: list[int]) -> Packed:
        """Axes in another order."""
        data, scale, zero = (np.transpose(part, perm) for part in (self.data, self.scale, self.zero_point))
        return Packed(data, scale, zero, self.bits)

    def scaled(self, factor: Array) -> Packed | None:
        """Times a factor that is one number or one for each index of an axis; None where it does not fit."""
        if factor.ndim > self.data.ndim or np.broadcast_shapes(factor.shape, self.shape) != self.shape:
            return None
        aligned = factor.reshape((1,) * (self.data.ndim - factor.ndim) + factor.shape)
        scale = (self.scale * aligned).astype(np.float32)
        if any(size not in (1, whole) for size, whole in zip(scale.shape, self.shape, strict=True)):
            return None
        if math.prod(scale.shape) != max(scale.shape, default=1):
            return None
        return Packed(self.data, scale, spread(self.zero_point, scale.shape), self.bits)

    @property
    def axis(self) -> int | None:
        """The one axis along which scales differ, 0 where none does; None for blocks and for several axes."""
        wide = [axis for axis, size in enumerate(self.scale.shape) if size != 1]
        if not wide:
            return 0
        whole = len(wide) == 1 and self.scale.shape[wide[0]] == self.data.shape[wide[0]]
        return wide[0] if whole else None


@dataclass(frozen=True)
class Folded:
    """A variable seen in more than five dimensions, which MIL does not have: the same elements in the same order."""

    var: Any
    shape: tuple[int, ...]


def spread(part: Array, shape: tuple[int, ...]) -> Array:
    """Repeat each element of `part` along every axis until it has `shape`."""
    for axis, (size, whole) in enumerate(zip(part.shape, shape, strict=True)):
        if size != whole:
            part = np.repeat(part, whole // size, axis)
    return part


def native(array: Array) -> Array:
    """The constant in a type MIL computes with: float32, int32 or bool. Integers beyond int32 saturate.

    Raises:
        ValueError: a type without a counterpart, or a finite number beyond float32.
    """
    kind = array.dtype.kind
    if array.dtype == np.bool_:
        return array
    if kind == "f" and array.dtype.itemsize in (2, 4, 8):
        narrow = array.astype(np.float32)
        if array.dtype == np.float64 and np.any(np.isinf(narrow) & np.isfinite(array)):
            raise ValueError("a float64 constant lies beyond float32, the widest type of Core ML")
        return narrow
    if kind in "iu":
        return (
            np.clip(array, INT32.min, INT32.max).astype(np.int32)
            if array.dtype.itemsize > 2
            else array.astype(np.int32)
        )
    if array.dtype.name in ("int4", "uint4", "int2", "uint2"):
        return array.astype(np.int32)
    raise ValueError(f"a constant of type {array.dtype.name}, which Core ML does not have")
