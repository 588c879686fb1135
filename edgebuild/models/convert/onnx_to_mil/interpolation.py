"""Where each element of a resized axis comes from, in numbers; no MIL here.

Source: ONNX, Resize, opset 19; where the reference and ONNX Runtime part, as with `align_corners` and
fractional scales, ONNX Runtime is followed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.values import Array


@dataclass(frozen=True)
class Axis:
    """One axis on its way from `size` to `resized` elements."""

    size: int
    resized: int
    scale: float
    coordinates: str
    """ONNX's coordinate_transformation_mode."""
    roi: tuple[float, float] = (0.0, 1.0)

    def places(self, kind: Any = np.float64) -> Array:
        """For each new element its place on the old axis, computed in `kind`, of shape (resized,)."""
        x = np.arange(self.resized, dtype=kind)
        scale = kind(self.scale)
        middle: Array = (x + kind(0.5)) / scale - kind(0.5)
        if self.coordinates == "half_pixel":
            return middle
        if self.coordinates == "pytorch_half_pixel":
            return middle if self.resized > 1 else np.zeros(1)
        if self.coordinates == "half_pixel_symmetric":
            adjustment = self.resized / (self.scale * self.size)
            return np.asarray(self.size / 2 * (1 - adjustment) + middle)
        if self.coordinates == "align_corners":
            return np.asarray(x * (self.size - 1) / (self.resized - 1)) if self.resized > 1 else np.zeros(1)
        if self.coordinates == "asymmetric":
            return np.asarray(x / scale)
        if self.coordinates == "tf_half_pixel_for_nn":
            return np.asarray((x + kind(0.5)) / scale)
        if self.coordinates == "tf_crop_and_resize":
            start, end = self.roi
            if self.resized == 1:
                return np.asarray([0.5 * (start + end) * (self.size - 1)])
            return np.asarray(start * (self.size - 1) + x * (end - start) * (self.size - 1) / (self.resized - 1))
        raise ValueError(f"the coordinate mode {self.coordinates}")

    def outside(self) -> Array:
        """Which new elements lie outside the old axis, bool of shape (resized,)."""
        places = self.places()
        return (places < 0) | (places > self.size - 1)

    def nearest(self, rounding: str) -> Array:
        """For each new element the index of the nearest old one, int32 of shape (resized,)."""
        # ONNX Runtime computes places in float32, in which ties are ties.
        x = self.places(np.float32)
        if rounding == "simple":
            rounding = "floor" if self.scale >= 1 else "ceil"
        found = {
            "round_prefer_floor": np.ceil(x - 0.5),
            "round_prefer_ceil": np.floor(x + 0.5),
            "floor": np.floor(x),
            "ceil": np.ceil(x),
        }[rounding]
        return np.clip(found, 0, self.size - 1).astype(np.int32)

    def matrix(self, mode: str, cubic: float, exclude: bool, antialias: bool) -> Array:
        """The weights of the old elements for each new one, float32 of shape (resized, size)."""
        squeeze = min(self.scale, 1.0) if antialias else 1.0
        radius = (1 if mode == "linear" else 2) / squeeze
        weights = np.zeros((self.resized, self.size))
        for row, place in enumerate(self.places()):
            if antialias:
                taps = np.arange(math.floor(place - radius) + 1, math.floor(place + radius) + 1)
            else:
                taps = np.arange(math.floor(place) - int(radius) + 1, math.floor(place) + int(radius) + 1)
            distance = (taps - place) * squeeze
            value = np.maximum(1 - np.abs(distance), 0) if mode == "linear" else keys(distance, cubic)
            if exclude or antialias:
                inside = (taps >= 0) & (taps < self.size)
                value = np.where(inside, value, 0) if exclude else value
                value = value / value.sum()
            np.add.at(weights[row], np.clip(taps, 0, self.size - 1), value)
        return weights.astype(np.float32)


def keys(distance: Array, a: float) -> Array:
    """The cubic kernel. Source: Keys 1981, doi:10.1109/TASSP.1981.1163711, eq. 15, with free a."""
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
