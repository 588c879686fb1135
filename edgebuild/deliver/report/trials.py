"""Everything that a search tried → what its SVG consists of, in pixels."""

from __future__ import annotations

from edgebuild.deliver.report.labels import Box, Obstacle
from edgebuild.deliver.report.naming import labels
from edgebuild.deliver.report.plots import Sign, axes, front, heading, marks, signs
from edgebuild.deliver.report.scale import scale_of
from edgebuild.deliver.report.scene import BOTTOM, HEIGHT, LEFT, MARK, RIGHT, TOP, WIDTH, Plot, Scene, circle
from edgebuild.deliver.report.trials_chart import TrialsChart

DOT = 2.8
"""Radius of a trial that became no candidate."""
SOURCE = 1.0
"""What the source gains over itself."""


def trials_scene(chart: TrialsChart) -> Scene:
    """Everything to draw of a search."""
    plot = Plot(
        chart,
        scale_of([SOURCE, *(point.x.value for point in chart.points)], [], LEFT, WIDTH - RIGHT),
        scale_of([point.y.value for point in chart.points], [], HEIGHT - BOTTOM, TOP, linear=True),
    )
    scene = Scene(chart.title, chart.words)
    heading(scene, chart)
    axes(scene, plot)
    obstacles = [*source(scene, plot), *front(scene, plot), *dots(scene, plot)]
    labels(scene, plot, obstacles)
    named = [point for point in chart.points if point.name]
    marks(scene, plot, named)
    signs(
        scene,
        [
            Sign("ring", circle, "ships", any(point.ships for point in chart.points)),
            Sign("mark", circle, "became a candidate", bool(named)),
            Sign("dot", dot, "tried", len(named) < len(chart.points)),
            Sign("front", None, "Pareto front", True),
            Sign("one", None, chart.one, True),
        ],
    )
    return scene


def source(scene: Scene, plot: Plot) -> list[Obstacle]:
    """A vertical line at the source's gain: its SQNR against itself is infinite, so it is no point."""
    x, frame = plot.x.at(SOURCE), plot.frame
    scene.path("one", f"M{x:.1f} {frame.top:.1f}V{frame.bottom:.1f}")
    return [Obstacle(Box(x - 1, frame.top, x + 1, frame.bottom), 0.6)]


def dots(scene: Scene, plot: Plot) -> list[Obstacle]:
    """Draw the trials that became no candidate; returns where all trials lie, for names to avoid."""
    found = []
    for point in plot.chart.points:
        x, y = plot.at(point)
        radius = MARK + 3 if point.name else DOT
        found.append(Obstacle(Box(x - radius, y - radius, x + radius, y + radius), 2.0 if point.name else 0.6))
        if not point.name:
            scene.path("dot", circle(x, y, DOT))
    return found


def dot(x: float, y: float, _: float) -> str:
    """A trial in the legend."""
    return circle(x, y, DOT)
