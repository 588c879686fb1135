"""How much a model suffers where single groups of channels become narrower, and widths that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebuild.compress.prune.channels import Group
from edgebuild.compress.prune.widths import Widths, Work
from edgebuild.core.records import Record


class Point(Record):
    """A group at one width, with all others whole."""

    channels: int
    noise: float
    """Part of the outputs' power that is lost: Σ difference² / Σ output², the worst output."""
    sqnr_db: float
    """The same as 10 log10(1 / noise)."""


class GroupSensitivity(Record):
    """One group by its width."""

    layers: tuple[str, ...]
    channels: int
    points: tuple[Point, ...]
    """From wide to narrow."""


class Sensitivity(Record):
    """Every group of a model by itself."""

    criterion: str
    """By which channels were left out."""
    multiple: int
    samples: int
    groups: dict[str, GroupSensitivity]

    def noise(self, name: str, width: int) -> float:
        """Of one group at any width, between the points on a line; 0 at its full width."""
        import numpy as np

        found = self.groups[name]
        known = sorted([(point.channels, point.noise) for point in found.points] + [(found.channels, 0.0)])
        widths, values = zip(*known, strict=True)
        return float(np.interp(width, widths, values))


def shared_out(
    sensitivity: Sensitivity, work: Work, groups: Sequence[Group], uniform: Mapping[str, int], multiple: int
) -> Widths:
    """Widths of about the same work as uniform ones, with the least noise that single steps find.

    Noise of several groups is taken to add up. One multiple after the other goes where it costs least noise for the
    multiplications it saves, until as many are saved as by the uniform widths. A group no further than its narrowest
    point.
    """
    target = work.macs(uniform)
    widths = {group.name: len(group.classes) for group in groups}
    least = {name: min(point.channels for point in item.points) for name, item in sensitivity.groups.items()}
    now = work.macs(widths)
    while now > target:
        best: tuple[float, str, int, int] | None = None
        for name, floor in least.items():
            narrower = (widths[name] - 1) // multiple * multiple
            if narrower < floor:
                continue
            macs = work.macs({**widths, name: narrower})
            lost = sensitivity.noise(name, narrower) - sensitivity.noise(name, widths[name])
            price = max(lost, 0.0) / max(now - macs, 1)
            if macs < now and (best is None or price < best[0]):
                best = (price, name, narrower, macs)
        if best is None:
            return widths
        _, name, widths[name], now = best
    return widths


def keeps(count: int, multiple: int) -> list[int]:
    """Widths to measure a group at: about 3/4, 1/2, 1/4 and 1/8 of its channels, in multiples, from wide to narrow."""
    from edgebuild.compress.prune.widths import rounded

    found = {rounded(count, part, multiple) for part in (0.75, 0.5, 0.25, 0.125)}
    return sorted((width for width in found if width < count), reverse=True)
