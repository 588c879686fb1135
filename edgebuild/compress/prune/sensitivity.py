"""How much a model suffers where single groups of channels become narrower, and widths that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.compress.prune.channels import Group, Network
from edgebuild.compress.prune.widths import Widths, Work, left_out, rounded, uniform
from edgebuild.core.records import Record

if TYPE_CHECKING:
    import numpy as np

MOST = 128
"""Samples; noise power is a mean over all of an output's elements, and steadies soon."""
Outputs = list[list["np.ndarray"]]
"""By batch, then by output; float64."""
Progress = Callable[[int, int, str], None]
"""Done, of how many, what."""


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


def widths_for(
    network: Network, groups: Sequence[Group], keep: float, multiple: int, sensitivity: Path | None
) -> Widths:
    """The widths that were asked for: uniform, or of the same work by a `Sensitivity` file."""
    widths = uniform(groups, keep, multiple)
    if sensitivity is None:
        return widths
    found = Sensitivity.model_validate_json(sensitivity.read_bytes())
    return shared_out(found, Work(network, groups), groups, widths, multiple)


def shared_out(
    sensitivity: Sensitivity, work: Work, groups: Sequence[Group], even: Mapping[str, int], multiple: int
) -> Widths:
    """Widths of about the same work as uniform ones, with the least noise that single steps find.

    Noise of several groups is taken to add up. One multiple after the other goes where it costs least noise for the
    multiplications it saves, until as many are saved as by the uniform widths. A group that is all noise already looks
    as if nothing more could be lost: no step counts as cheaper than the one before it in its group, and none goes below
    half the uniform width.
    """
    target = work.macs(even)
    widths = {group.name: len(group.classes) for group in groups}
    least = {name: max(multiple, even[name] // 2) for name in sensitivity.groups}
    now, dear = work.macs(widths), dict.fromkeys(least, 0.0)
    while now > target:
        best: tuple[float, str, int, int] | None = None
        for name, floor in least.items():
            narrower = (widths[name] - 1) // multiple * multiple
            macs = work.macs({**widths, name: narrower})
            if narrower < floor or macs >= now:
                continue
            lost = sensitivity.noise(name, narrower) - sensitivity.noise(name, widths[name])
            price = max(lost / (now - macs), dear[name])
            if best is None or price < best[0]:
                best = (price, name, narrower, macs)
        if best is None:
            return widths
        dear[best[1]], widths[best[1]], now = best[0], best[2], best[3]
    return given_back(work, widths, {group.name: len(group.classes) for group in groups}, dear, target, multiple)


def given_back(
    work: Work, widths: Widths, full: Mapping[str, int], dear: Mapping[str, float], target: int, multiple: int
) -> Widths:
    """The widths with what the last steps saved too much, where giving up hurt most."""
    found = dict(widths)
    for name in sorted(dear, key=lambda item: -dear[item]):
        while found[name] < full[name]:
            wider = {**found, name: min(full[name], found[name] + multiple)}
            if work.macs(wider) > target:
                break
            found = wider
    return found


def measured(
    groups: Sequence[Group],
    scores: Mapping[int, float],
    settings: tuple[str, int, int],
    lost: Callable[[set[int]], float],
    progress: Progress | None = None,
) -> Sensitivity:
    """One group after the other at several widths.

    Args:
        groups: of the model.
        scores: by which channels go.
        settings: criterion, multiple, and the number of samples.
        lost: part of the worst output's power that is lost without some classes.
        progress: told of each group.
    """
    from math import log10

    criterion, multiple, samples = settings
    found = dict[str, GroupSensitivity]()
    for number, group in enumerate(groups):
        if progress:
            progress(number, len(groups), group.name)
        points = []
        for width in keeps(len(group.classes), multiple):
            noise = lost(left_out([group], scores, {group.name: width}))
            points.append(Point(channels=width, noise=noise, sqnr_db=-10 * log10(max(noise, 1e-12))))
        if points:
            found[group.name] = GroupSensitivity(layers=group.layers, channels=len(group.classes), points=tuple(points))
    return Sensitivity(criterion=criterion, multiple=multiple, samples=samples, groups=found)


def lost_power(whole: Outputs, now: Outputs) -> float:
    """Part of the power of the worst output that is lost: Σ difference² / Σ output²."""
    worst = 0.0
    for place in range(len(whole[0])):
        power = sum(float((batch[place] ** 2).sum()) for batch in whole)
        apart = sum(float(((a[place] - b[place]) ** 2).sum()) for a, b in zip(whole, now, strict=True))
        worst = max(worst, apart / max(power, 1e-30))
    return worst


def keeps(count: int, multiple: int) -> list[int]:
    """Widths to measure a group at: about 3/4, 1/2, 1/4 and 1/8 of its channels, in multiples, from wide to narrow."""
    found = {rounded(count, part, multiple) for part in (0.75, 0.5, 0.25, 0.125)}
    return sorted((width for width in found if width < count), reverse=True)
