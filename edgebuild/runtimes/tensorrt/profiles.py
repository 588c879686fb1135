"""Sizes of named axes as TensorRT's optimization profiles want them."""

from __future__ import annotations

from collections.abc import Mapping


def axis_ranges(shapes: Mapping[str, Mapping[str, int | str]]) -> dict[str, list[int]]:
    """Least, usual and greatest size of each axis.

    The usual one is that of the first named shape; of a range there, its greatest.

    Args:
        shapes: `model.shapes` of the spec: sizes, or ranges like `1..512`, by axis and name.
    """
    found: dict[str, list[int]] = {}
    for sizes in shapes.values():
        for axis, size in sizes.items():
            low, _, high = str(size).partition("..")
            least, greatest = int(low), int(high or low)
            least_before, usual, greatest_before = found.get(axis, [least, greatest, greatest])
            found[axis] = [min(least, least_before), usual, max(greatest, greatest_before)]
    return found
