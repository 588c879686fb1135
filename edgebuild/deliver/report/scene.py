"""What a drawn trade-off consists of, in pixels, and the two scales it lies on."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgebuild.deliver.report.chart import Chart, Limit, Point
from edgebuild.deliver.report.labels import Box
from edgebuild.deliver.report.scale import Scale, scale_of

WIDTH, HEIGHT = 600.0, 440.0
LEFT, RIGHT, TOP, BOTTOM = 78.0, 22.0, 66.0, 94.0
NAME, SMALL = 14.0, 12.5
"""Sizes of text in pixels; half of a page's width shrinks them to about 10."""
MARK = 6.0
"""Half the size of a point."""


@dataclass(frozen=True)
class Shape:
    """One path."""

    css: str
    d: str


@dataclass(frozen=True)
class Text:
    """One line of text; `y` is its baseline."""

    css: str
    x: float
    y: float
    text: str
    anchor: str = "start"
    turn: str = ""
    """A `rotate(…)`, where it is turned."""


@dataclass
class Scene:
    """What is drawn, in order."""

    title: str
    words: str
    width: float = WIDTH
    height: float = HEIGHT
    shapes: list[Shape] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    """Of the labels in the plot, for those who check that none lies on another."""

    def path(self, css: str, d: str) -> None:
        """Draw a path."""
        self.shapes.append(Shape(css, d))

    def write(self, css: str, place: tuple[float, float], text: str, anchor: str = "start", turn: str = "") -> None:
        """Write a line."""
        self.texts.append(Text(css, round(place[0], 1), round(place[1], 1), text, anchor, turn))


@dataclass(frozen=True)
class Plot:
    """A chart with its two scales."""

    chart: Chart
    x: Scale
    y: Scale

    @property
    def frame(self) -> Box:
        """The inside of the axes."""
        return Box(LEFT, TOP, WIDTH - RIGHT, HEIGHT - BOTTOM)

    def at(self, point: Point) -> tuple[float, float]:
        """Where a point lies."""
        return self.x.at(point.x.value), self.y.at(point.y.value)

    def shown(self, limit: Limit) -> bool:
        """Whether a limit lies on its axis."""
        return (self.x if limit.along == "x" else self.y).holds(limit.value)


LINEAR = ("(dB)", "(%)")
"""Ends of the labels of axes that are never logarithmic."""


def plot_of(chart: Chart) -> Plot:
    """The scales that hold every point, every interval and the budgets near them."""
    bounds = {along: [limit.value for limit in chart.limits if limit.along == along] for along in "xy"}
    across = [value for point in chart.points for value in (point.x.value, point.x.low, point.x.high)]
    upright = [value for point in chart.points for value in (point.y.value, point.y.low, point.y.high)]
    return Plot(
        chart,
        scale_of(across, bounds["x"], LEFT, WIDTH - RIGHT, linear=chart.x.label.endswith(LINEAR)),
        scale_of(upright, bounds["y"], HEIGHT - BOTTOM, TOP, linear=chart.y.label.endswith(LINEAR)),
    )


def circle(x: float, y: float, radius: float) -> str:
    """A circle as a path."""
    arc = f"a{radius:.1f} {radius:.1f} 0 1 0"
    return f"M{x - radius:.1f} {y:.1f}{arc} {2 * radius:.1f} 0{arc} {-2 * radius:.1f} 0Z"


def square(x: float, y: float, half: float) -> str:
    """A square as a path."""
    return f"M{x - half:.1f} {y - half:.1f}h{2 * half:.1f}v{2 * half:.1f}h{-2 * half:.1f}Z"
