"""A chart as data: points on two axes, with budgets as lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """What one axis shows."""

    quantity: str
    label: str
    higher: bool
    """Whether more is better."""


@dataclass(frozen=True)
class Span:
    """A value between its bounds, in the unit of its axis."""

    value: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> Span:
        """A value without an interval."""
        return cls(value, value, value)


@dataclass(frozen=True)
class Point:
    """One candidate."""

    name: str
    x: Span
    y: Span
    source: bool
    ships: bool
    meets: bool
    """No budget of its is broken."""


@dataclass(frozen=True)
class Limit:
    """One budget as a line."""

    along: str
    """`x` for a limit on the horizontal axis, else `y`."""
    value: float
    most: bool
    """Whether values up to the line are allowed, else those from it on."""
    words: str


@dataclass(frozen=True)
class Chart:
    """One trade-off."""

    name: str
    title: str
    subtitle: str
    x: Axis
    y: Axis
    points: tuple[Point, ...]
    limits: tuple[Limit, ...]

    @property
    def front(self) -> tuple[Point, ...]:
        """The points that no other beats on these two axes, from the lowest to the highest x."""
        signs = (-1 if self.x.higher else 1, -1 if self.y.higher else 1)

        def beats(one: Point, other: Point) -> bool:
            a = (signs[0] * one.x.value, signs[1] * one.y.value)
            b = (signs[0] * other.x.value, signs[1] * other.y.value)
            return a != b and a[0] <= b[0] and a[1] <= b[1]

        best = [item for item in self.points if not any(beats(other, item) for other in self.points)]
        return tuple(sorted(best, key=lambda item: (item.x.value, item.y.value)))

    @property
    def words(self) -> str:
        """What a reader who cannot see it must know."""
        listed = ", ".join(
            f"{item.name} at {item.x.value:.3g} and {item.y.value:.4g}{' (ships)' if item.ships else ''}"
            for item in self.points
        )
        return f"{self.title}. {self.x.label} against {self.y.label}: {listed}."
