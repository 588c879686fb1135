"""Pareto fronts of two quantities that are both maximized, and what they cover."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

Point = tuple[float, float]


class Located(Protocol):
    """What has a place in the plane of two quantities."""

    @property
    def point(self) -> Point:
        """Both quantities; higher is better."""


T = TypeVar("T", bound=Located)


def dominates(one: Point, other: Point) -> bool:
    """Whether a point is nowhere worse and somewhere better."""
    return one != other and one[0] >= other[0] and one[1] >= other[1]


def pareto_front(items: Iterable[T]) -> list[T]:
    """Those that no other dominates, by descending first quantity; of equal ones the first."""
    found: list[T] = []
    for item in sorted(items, key=lambda one: (-one.point[0], -one.point[1])):
        if not found or item.point[1] > found[-1].point[1]:
            found.append(item)
    return found


def hypervolume(points: Iterable[Point], corner: Point) -> float:
    """Area that points dominate beyond a reference point, `corner`; those behind it cover nothing."""
    total, reached = 0.0, corner[1]
    for first, second in sorted(points, reverse=True):
        if second > reached:
            total += max(0.0, first - corner[0]) * (second - reached)
            reached = second
    return total


def most_covering(front: Sequence[T], count: int, corner: Point) -> list[T]:
    """At most `count` members of a front with a large hypervolume together, by descending first quantity.

    Greedy: the one that adds the most is taken next; of equal ones that with the higher first quantity.
    """
    rest, chosen = list(front), list[T]()
    while rest and len(chosen) < count:
        taken = [item.point for item in chosen]
        best = max(rest, key=lambda item: (hypervolume([*taken, item.point], corner), item.point[0]))
        rest.remove(best)
        chosen.append(best)
    return sorted(chosen, key=lambda item: -item.point[0])
