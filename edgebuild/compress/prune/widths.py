"""How many channels each group keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import floor, prod

from edgebuild.compress.prune.channels import Group, Network

Widths = dict[str, int]
"""Name of a group to the channels that stay."""


def rounded(count: int, keep: float, multiple: int) -> int:
    """The multiple nearest to a part of the channels, never below one multiple, and never more than there are.

    Runtimes compute 8 or 16 channels at once: 12 take as long as 16.
    """
    if count <= multiple:
        return count
    near = floor(count * keep / multiple + 0.5) * multiple
    return min(count, max(multiple, near))


def uniform(groups: Iterable[Group], keep: float, multiple: int) -> Widths:
    """The same part of every group."""
    return {group.name: rounded(len(group.classes), keep, multiple) for group in groups}


def left_out(groups: Iterable[Group], scores: Mapping[int, float], widths: Mapping[str, int]) -> set[int]:
    """The classes that are worth least, so many that each group has its width; the first of equals stay."""
    found = set[int]()
    for group in groups:
        ranked = sorted(group.classes, key=lambda item: -scores.get(item, 0.0))
        found |= set(ranked[widths.get(group.name, len(ranked)) :])
    return found


class Work:
    """Multiplications and stored numbers of a model by the widths of its groups."""

    def __init__(self, network: Network, groups: Sequence[Group]) -> None:
        """Args: network: its layers. groups: of it."""
        import numpy as np

        owner = {number: group.name for group in groups for number in group.classes}
        self._full = {group.name: len(group.classes) for group in groups}
        self._kernels: list[tuple[int, int, list[tuple[int, dict[str, float]]]]] = []
        for _, weight in network.every_weight():
            axes: list[tuple[int, dict[str, float]]] = []
            for _, numbers in weight.axes.values():
                found, counts = np.unique(network.channels.classes(numbers), return_counts=True)
                spread = dict[str, float]()
                for number, count in zip(found.tolist(), counts.tolist(), strict=True):
                    if number in owner:
                        spread[owner[number]] = spread.get(owner[number], 0.0) + count
                each = {name: count / self._full[name] for name, count in spread.items()}
                axes.append((len(numbers), each))
            rest = prod(weight.shape) // max(1, prod(size for size, _ in axes))
            self._kernels.append((weight.positions, rest, axes))

    def _elements(self, rest: int, axes: list[tuple[int, dict[str, float]]], widths: Mapping[str, int]) -> float:
        sizes = (
            size - sum((self._full[name] - widths.get(name, self._full[name])) * each for name, each in owners.items())
            for size, owners in axes
        )
        return rest * prod(sizes)

    def macs(self, widths: Mapping[str, int]) -> int:
        """Multiplications of one run, of convolutions and products; an open size counts as 1."""
        return round(sum(at * self._elements(rest, axes, widths) for at, rest, axes in self._kernels if at))

    def parameters(self, widths: Mapping[str, int]) -> int:
        """Numbers stored in layers that have channels."""
        return round(sum(self._elements(rest, axes, widths) for _, rest, axes in self._kernels))
