"""What a search may choose of a network, and one such choice."""

from __future__ import annotations

from math import prod

from edgebuild.core.records import Record

Choices = dict[str, int | float]
"""What a builder is called with: those of `width`, `depth`, `kernel` and `resolution` that the space declares."""


class Axes(Record):
    """Values of each choice, ascending; an empty axis is none."""

    width: tuple[float, ...] = ()
    """Multipliers of the channels."""
    depth: tuple[int, ...] = ()
    """Blocks."""
    kernel: tuple[int, ...] = ()
    """Sides of the kernels of convolutions."""
    resolution: tuple[int, ...] = ()
    """Rows that pictures are resized to inside the network."""

    def declared(self) -> dict[str, tuple[int | float, ...]]:
        """Those that are not empty, by name."""
        every: dict[str, tuple[int | float, ...]] = {
            "width": self.width,
            "depth": self.depth,
            "kernel": self.kernel,
            "resolution": self.resolution,
        }
        return {name: values for name, values in every.items() if values}

    def size(self) -> int:
        """Number of different networks."""
        return prod(len(values) for values in self.declared().values())

    def corners(self) -> list[dict[str, int]]:
        """Positions of the smallest and of the largest network: between them lies what there is to gain."""
        ends = [dict.fromkeys(self.declared(), 0), {name: len(values) - 1 for name, values in self.declared().items()}]
        return [ends[0]] if ends[0] == ends[1] else ends

    def at(self, positions: dict[str, int]) -> Choices:
        """The values at these positions."""
        return {name: values[positions[name]] for name, values in self.declared().items()}


def words(choices: Choices) -> str:
    """`width 0.5, depth 3`."""
    return ", ".join(f"{name} {value:g}" for name, value in choices.items())


def usual(space: str) -> Axes:
    """Axes of a built-in space where the spec declares none."""
    depths = (2, 3, 4) if space == "mobilenet" else (2, 3, 4, 5)
    return Axes(width=(0.25, 0.5, 0.75, 1.0), depth=depths, kernel=(3, 5))
