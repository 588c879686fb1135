"""The names of points and budgets in a drawn trade-off."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.deliver.report.chart import Limit, Point
from edgebuild.deliver.report.labels import Box, Label, Obstacle, around, placed, width
from edgebuild.deliver.report.scene import MARK, NAME, SMALL, Plot, Scene


def labels(scene: Scene, plot: Plot, obstacles: Sequence[Obstacle]) -> None:
    """The names of points and limits, and a thin line to those that had to stand apart."""
    inner = Box(plot.frame.left + 4, plot.frame.top + 3, plot.frame.right - 3, plot.frame.bottom - 3)
    points = [point for point in plot.chart.points if point.name]
    wanted = [
        *(Label(words(plot, limit), SMALL, tuple(beside(plot, limit))) for limit in plot.chart.limits),
        *(Label(point.name, NAME, places(plot, point)) for point in points),
    ]
    found = placed(wanted, inner, obstacles)
    scene.boxes = found
    lines = len(plot.chart.limits)
    for limit, label, here in zip(plot.chart.limits, wanted[:lines], found[:lines], strict=True):
        write(scene, "limit-name", label, here, plot.x.at(limit.value) if limit.along == "x" else plot.frame.right)
    for point, label, here in zip(points, wanted[lines:], found[lines:], strict=True):
        leader(scene, plot.at(point), here)
        write(scene, "point-name ships" if point.ships else "point-name", label, here, plot.at(point)[0])


def write(scene: Scene, css: str, label: Label, here: Box, toward: float) -> None:
    """A text in its box, against the side that looks to what it names: the box is a little wider than the text."""
    place, anchor = (here.left, "start") if here.left >= toward else (here.right, "end")
    if here.left < toward < here.right:
        place, anchor = (here.left + here.right) / 2, "middle"
    scene.write(css, (place, here.bottom - label.size * 0.3), label.text, anchor)


def places(plot: Plot, point: Point) -> tuple[tuple[float, float], ...]:
    """Places for the name of a point, outside its ring where it has one."""
    return tuple(around(*plot.at(point), point.name, NAME, 5.0 if point.ships else 0.0))


def leader(scene: Scene, place: tuple[float, float], here: Box) -> None:
    """A thin line from a point to its name, where they stand apart."""
    x, y = place
    near_x, near_y = min(max(x, here.left), here.right), min(max(y, here.top), here.bottom)
    if ((near_x - x) ** 2 + (near_y - y) ** 2) ** 0.5 > MARK + 12:
        scene.path("leader", f"M{x:.1f} {y:.1f}L{near_x:.1f} {near_y:.1f}")


def beside(plot: Plot, limit: Limit) -> list[tuple[float, float]]:
    """Places for the words of a limit: along its line on the allowed side, or at the edge it lies beyond."""
    frame = plot.frame
    wide, tall = width(words(plot, limit), SMALL), SMALL * 1.2
    if not plot.shown(limit):
        return at_edge(plot, limit, wide, tall)
    if limit.along == "x":
        x = plot.x.at(limit.value)
        sides = (x - wide - 5, x + 5) if limit.most else (x + 5, x - wide - 5)
        ends = (frame.top + 4, frame.bottom - tall - 4)
        rows = [*ends, *(frame.top + 4 + step * tall for step in range(1, int((ends[1] - ends[0]) / tall)))]
        return [(left, top) for left in sides for top in rows]
    y = plot.y.at(limit.value)
    tops = (y + 2, y - tall - 2) if limit.most else (y - tall - 2, y + 2)
    ends = (frame.right - wide - 5, frame.left + 6)
    columns = [*ends, *(ends[0] - step * 20 for step in range(1, int((ends[0] - ends[1]) / 20)))]
    return [(left, top) for top in tops for left in columns]


def words(plot: Plot, limit: Limit) -> str:
    """The words of a limit, with an arrow to where it lies if that is beyond the axis."""
    if plot.shown(limit):
        return limit.words
    high = limit.value > (plot.x if limit.along == "x" else plot.y).high
    if limit.along == "x":
        return f"{limit.words} →" if high else f"← {limit.words}"
    return f"{limit.words} {'↑' if high else '↓'}"


def at_edge(plot: Plot, limit: Limit, wide: float, tall: float) -> list[tuple[float, float]]:
    """Places for a limit that lies beyond an edge."""
    frame = plot.frame
    scale = plot.x if limit.along == "x" else plot.y
    high = limit.value > scale.high
    if limit.along == "x":
        left = frame.right - wide - 5 if high else frame.left + 6
        return [(left, frame.top + 4), (left, frame.bottom - tall - 4), (left, (frame.top + frame.bottom) / 2)]
    top = frame.top + 4 if high else frame.bottom - tall - 4
    return [(frame.right - wide - 5, top), (frame.left + 6, top), ((frame.left + frame.right - wide) / 2, top)]
