"""Words beside points, so that none lies on another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NARROW, THIN, WIDE = "ijlI.,:;'|!·", "frt()[]/- ", "mwMW@%→←↑↓≤≥×"

SAFETY = 1.1
"""Fonts that stand in for Helvetica are up to so much wider."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """The area they share."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def inside(self, other: Box) -> bool:
        """Whether it lies wholly in the other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True)
class Obstacle:
    """What a label should rather not cover."""

    box: Box
    weight: float


@dataclass(frozen=True)
class Label:
    """A text, and the places it may take, the best first."""

    text: str
    size: float
    places: tuple[tuple[float, float], ...]
    """Left and top of its box."""


def width(text: str, size: float) -> float:
    """About how wide a text is, in pixels, after the widths of Helvetica."""
    ems = 0.0
    for letter in text:
        ems += 0.28 if letter in NARROW else 0.36 if letter in THIN else 0.86 if letter in WIDE else 0.56
        ems += 0.12 if letter.isupper() and letter not in WIDE else 0.0
    return ems * size * SAFETY


def box(label: Label, place: tuple[float, float]) -> Box:
    """What the text covers at a place."""
    left, top = place
    return Box(left, top, left + width(label.text, label.size), top + label.size * 1.2)


def around(x: float, y: float, text: str, size: float, ring: float = 0.0) -> Iterator[tuple[float, float]]:
    """Places around a point, outside its ring: right, left, above, below, then aslant, then farther away."""
    wide, tall = width(text, size), size * 1.2
    for distance in (ring + 10.0, ring + 16.0, 26.0, 38.0, 52.0, 68.0, 86.0):
        aslant = distance * 0.7
        yield from (
            (x + distance, y - tall / 2),
            (x - distance - wide, y - tall / 2),
            (x - wide / 2, y - distance - tall),
            (x - wide / 2, y + distance),
            (x + aslant, y - aslant - tall),
            (x + aslant, y + aslant),
            (x - aslant - wide, y - aslant - tall),
            (x - aslant - wide, y + aslant),
        )


def placed(labels: Sequence[Label], frame: Box, obstacles: Sequence[Obstacle]) -> list[Box]:
    """A box for each label, inside the frame, none over another; cheap ones over weak obstacles.

    Labels with fewer places go first; what finds no free place of its own takes any free one of the frame.
    """
    found: dict[int, Box] = {}
    for index in sorted(range(len(labels)), key=lambda item: (len(labels[item].places), item)):
        label = labels[index]
        taken = tuple(found.values())
        choices = [*label.places, *anywhere(label, frame)]
        ranked = []
        for rank, place in enumerate(choices):
            here = box(label, place)
            if not here.inside(frame) or any(here.overlap(other) > 0 for other in taken):
                continue
            ranked.append((rank + sum(item.weight * here.overlap(item.box) for item in obstacles), rank, here))
        found[index] = min(ranked, key=lambda item: item[:2])[2] if ranked else box(label, label.places[0])
    return [found[index] for index in range(len(labels))]


def anywhere(label: Label, frame: Box) -> Iterator[tuple[float, float]]:
    """A grid of places in the frame, the last resort."""
    tall, wide = label.size * 1.4, width(label.text, label.size)
    x, y = label.places[0]
    rows = int((frame.bottom - frame.top) / tall)
    columns = int((frame.right - frame.left) / max(wide / 2, 1.0))
    grid = [
        (frame.left + column * wide / 2, frame.top + row * tall) for row in range(rows) for column in range(columns)
    ]
    yield from sorted(grid, key=lambda place: (place[0] - x) ** 2 + (place[1] - y) ** 2)
