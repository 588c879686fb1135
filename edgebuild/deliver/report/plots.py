"""A trade-off as data → everything its SVG consists of, in pixels. The template only writes it down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from edgebuild.deliver.report.chart import Chart, Point
from edgebuild.deliver.report.labels import Box, Obstacle, width
from edgebuild.deliver.report.naming import labels
from edgebuild.deliver.report.scene import HEIGHT, MARK, SMALL, WIDTH, Plot, Scene, circle, plot_of, square


def scene_of(chart: Chart) -> Scene:
    """Everything to draw of a chart."""
    plot = plot_of(chart)
    scene = Scene(chart.title, chart.words)
    heading(scene, chart)
    axes(scene, plot)
    obstacles = [*limits(scene, plot), *front(scene, plot), *intervals(scene, plot)]
    labels(scene, plot, obstacles)
    marks(scene, plot, chart.points)
    legend(scene, plot)
    return scene


def heading(scene: Scene, chart: Chart) -> None:
    """Title and where the numbers come from."""
    scene.write("title", (16, 27), chart.title)
    scene.write("note", (16, 47), chart.subtitle)


def axes(scene: Scene, plot: Plot) -> None:
    """Grid, ticks and names of both axes."""
    frame = plot.frame
    for value, text in plot.x.ticks():
        x = plot.x.at(value)
        scene.path("grid", f"M{x:.1f} {frame.top:.1f}V{frame.bottom:.1f}")
        scene.write("tick", (x, frame.bottom + 18), text, "middle")
    for value, text in plot.y.ticks():
        y = plot.y.at(value)
        scene.path("grid", f"M{frame.left:.1f} {y:.1f}H{frame.right:.1f}")
        scene.write("tick", (frame.left - 8, y + 4.2), text, "end")
    scene.path("axis", f"M{frame.left:.1f} {frame.top:.1f}V{frame.bottom:.1f}H{frame.right:.1f}")
    across, upright = plot.chart.x, plot.chart.y
    scale = ", logarithmic" if plot.x.log else ""
    better = "better →" if across.higher else "← better"
    middle = (frame.left + frame.right) / 2
    scene.write("name", (middle, frame.bottom + 40), f"{across.label}{scale} · {better}", "middle")
    height = (frame.top + frame.bottom) / 2
    scale = ", logarithmic" if plot.y.log else ""
    better = "better →" if upright.higher else "← better"
    turn = f"rotate(-90 20 {height:.1f})"
    scene.write("name", (20, height), f"{upright.label}{scale} · {better}", "middle", turn)


def limits(scene: Scene, plot: Plot) -> list[Obstacle]:
    """A line for each budget on the axes, and a tint over what it forbids."""
    frame, found = plot.frame, []
    for limit in filter(plot.shown, plot.chart.limits):
        if limit.along == "x":
            x = plot.x.at(limit.value)
            left, right = (x, frame.right) if limit.most else (frame.left, x)
            scene.path("beyond", f"M{left:.1f} {frame.top:.1f}H{right:.1f}V{frame.bottom:.1f}H{left:.1f}Z")
            scene.path("limit", f"M{x:.1f} {frame.top:.1f}V{frame.bottom:.1f}")
            found.append(Obstacle(Box(x - 1, frame.top, x + 1, frame.bottom), 0.6))
        else:
            y = plot.y.at(limit.value)
            top, bottom = (frame.top, y) if limit.most else (y, frame.bottom)
            scene.path("beyond", f"M{frame.left:.1f} {top:.1f}H{frame.right:.1f}V{bottom:.1f}H{frame.left:.1f}Z")
            scene.path("limit", f"M{frame.left:.1f} {y:.1f}H{frame.right:.1f}")
            found.append(Obstacle(Box(frame.left, y - 1, frame.right, y + 1), 0.6))
    return found


def front(scene: Scene, plot: Plot) -> list[Obstacle]:
    """The Pareto front as a staircase; all points on its worse side are dominated."""
    best = plot.chart.front
    if not best:
        return []
    frame = plot.frame
    places = [plot.at(point) for point in best]
    if plot.chart.x.higher:
        places.reverse()
    far_x = frame.left if plot.chart.x.higher else frame.right
    far_y = frame.bottom if plot.chart.y.higher else frame.top
    corners = [(places[0][0], far_y), places[0]]
    for (_, y), (next_x, next_y) in pairwise(places):
        corners += [(next_x, y), (next_x, next_y)]
    corners.append((far_x, places[-1][1]))
    scene.path("front", "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners))
    return [
        Obstacle(Box(min(a[0], b[0]) - 1, min(a[1], b[1]) - 1, max(a[0], b[0]) + 1, max(a[1], b[1]) + 1), 0.15)
        for a, b in pairwise(corners)
    ]


def intervals(scene: Scene, plot: Plot) -> list[Obstacle]:
    """The 95 % interval of each point on both axes."""
    found = []
    for point in plot.chart.points:
        x, y = plot.at(point)
        css = "bar ships" if point.ships else "bar"
        left, right = plot.x.at(point.x.low), plot.x.at(point.x.high)
        top, bottom = plot.y.at(point.y.high), plot.y.at(point.y.low)
        if right - left > 1:
            scene.path(css, f"M{left:.1f} {y:.1f}H{right:.1f}" + caps((left, right), y, upright=True))
            found.append(Obstacle(Box(left, y - 2, right, y + 2), 0.8))
        if bottom - top > 1:
            scene.path(css, f"M{x:.1f} {top:.1f}V{bottom:.1f}" + caps((top, bottom), x, upright=False))
            found.append(Obstacle(Box(x - 2, top, x + 2, bottom), 0.8))
        found.append(Obstacle(Box(x - MARK - 3, y - MARK - 3, x + MARK + 3, y + MARK + 3), 2.0))
    return found


def caps(ends: tuple[float, float], middle: float, *, upright: bool) -> str:
    """The short strokes at the ends of an interval."""
    if upright:
        return "".join(f"M{end:.1f} {middle - 3.5:.1f}v7" for end in ends)
    return "".join(f"M{middle - 3.5:.1f} {end:.1f}h7" for end in ends)


def marks(scene: Scene, plot: Plot, points: Iterable[Point]) -> None:
    """Candidates: a square for the source, filled where no budget is broken, ringed and last where it ships."""
    for point in sorted(points, key=lambda item: item.ships):
        x, y = plot.at(point)
        if point.ships:
            scene.path("ring", circle(x, y, MARK + 4))
        scene.path(mark_class(point), square(x, y, MARK - 0.5) if point.source else circle(x, y, MARK))


def mark_class(point: Point) -> str:
    """How a point is filled."""
    return " ".join(filter(None, ("mark", "ships" if point.ships else "", "" if point.meets else "breaks")))


class Sign(NamedTuple):
    """One sign of a legend."""

    css: str
    draw: Callable[[float, float, float], str] | None
    """None for a line."""
    words: str
    present: bool
    """Whether it occurs."""


def legend(scene: Scene, plot: Plot) -> None:
    """What the signs of a trade-off mean."""
    points = plot.chart.points
    entries = [
        Sign("ring", circle, "ships", any(point.ships for point in points)),
        Sign("mark", square, "source", any(point.source for point in points)),
        Sign("mark", circle, "breaks no budget", any(point.meets and not point.source for point in points)),
        Sign("mark breaks", circle, "breaks one", any(not point.meets for point in points)),
        Sign("front", None, "Pareto front", True),
        Sign("limit", None, "budget", any(plot.shown(limit) for limit in plot.chart.limits)),
    ]
    signs(scene, entries)


def signs(scene: Scene, entries: Sequence[Sign]) -> None:
    """A legend in one row, of the signs that occur."""
    x, y = 16.0, HEIGHT - 18.0
    for css, draw, words, present in entries:
        wide = (18.0 if draw else 24.0) + width(words, SMALL)
        if not present or x + wide > WIDTH:
            continue
        d = draw(x + 8, y - 4.5, MARK - 0.5) if draw else f"M{x:.1f} {y - 4.5:.1f}h18"
        scene.path(css, d)
        scene.write("note", (x + wide - width(words, SMALL), y), words)
        x += wide + 6
