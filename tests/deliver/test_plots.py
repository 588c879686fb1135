"""Trade-off figures: well-formed SVG, labels apart, front and budgets where they belong."""

from __future__ import annotations

from dataclasses import asdict
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest

from edgebuild.core.dossier import CandidateFile
from edgebuild.decide.budgets import Budget
from edgebuild.deliver.report.chart import Axis, Chart, Limit, Point, Span
from edgebuild.deliver.report.charts import charts
from edgebuild.deliver.report.plots import scene_of
from edgebuild.deliver.report.scale import scale_of
from edgebuild.deliver.report.scene import HEIGHT, WIDTH, plot_of
from edgebuild.render import Renderer
from tests.decide.dossiers import BUDGETS, candidate, candidates, dossier

FAR = Budget(typed="here.latency.p50", quantity="latency.p50", form="max", limit=8, unit="ms", text="8 ms")
MEMORY = Budget(typed="here.memory.model", quantity="memory.model", form="max", limit=2.45e6, unit="B", text="2.45 MB")

CROWD = (
    ("float16", 0.41, 0.0), ("int8", 0.27, 0.17), ("int8-dynamic", 0.30, 0.15), ("int8-percentile", 0.272, 0.2),
    ("int8-entropy", 0.269, 0.25), ("mixed-first-last", 0.29, 0.05), ("pruned-50", 0.26, 0.9), ("int4", 0.33, 0.35),
    ("int8-percentile-again", 0.2715, 0.2), ("int8-of-another-calibration", 0.2705, 0.18),
)  # fmt: skip


def crowd() -> tuple[CandidateFile, ...]:
    made = (candidate(name, "one of many", p50_ms=p50, ratio=p50 / 0.4, drop=drop, size=9) for name, p50, drop in CROWD)
    return (candidate("source", "the untouched model"), *made)


def drawn(files: tuple[CandidateFile, ...], budgets: tuple[Budget, ...] = BUDGETS) -> list[Chart]:
    return charts(dossier(files=files, budgets=budgets), budgets)[0]


def svg(chart: Chart) -> str:
    return Renderer().render("report/plot.svg.j2", asdict(scene_of(chart)))


@pytest.mark.parametrize("files", [candidates(), crowd()], ids=["four", "eleven"])
def test_figures_are_well_formed_and_name_every_candidate(files: tuple[CandidateFile, ...]) -> None:
    for chart in drawn(files):
        root = ET.fromstring(svg(chart))
        texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
        assert {item.name for item in files if item.refusal is None} <= texts
        assert {"Pareto front", "budget", "ships", "source"} <= texts
        described = root.find("{http://www.w3.org/2000/svg}desc")
        assert described is not None
        assert "int8" in (described.text or "")


def test_figures_have_a_style_for_light_and_one_for_dark() -> None:
    text = svg(drawn(candidates())[0])
    assert "prefers-color-scheme: dark" in text
    assert "<script" not in text
    assert text.count("http") == 1, "nothing is fetched; the namespace alone is an address"


def test_names_from_a_spec_cannot_break_the_figure() -> None:
    files = (candidate("source", "the untouched model"), candidate("a<b>&\"c'", "odd"))
    root = ET.fromstring(svg(drawn(files)[0]))
    assert "a<b>&\"c'" in {element.text for element in root.iter()}


@pytest.mark.parametrize("files", [candidates(), crowd()], ids=["four", "eleven"])
def test_no_label_lies_on_another_or_leaves_the_frame(files: tuple[CandidateFile, ...]) -> None:
    for chart in drawn(files, (*BUDGETS, FAR, MEMORY)):
        scene = scene_of(chart)
        assert len(scene.boxes) == len(chart.points) + len(chart.limits)
        for one, other in combinations(scene.boxes, 2):
            assert one.overlap(other) == 0
        assert all(box.inside(plot_of(chart).frame) for box in scene.boxes)


def test_everything_stays_on_the_sheet() -> None:
    for chart in drawn(crowd(), (*BUDGETS, FAR, MEMORY)):
        for text in scene_of(chart).texts:
            assert 0 <= text.x <= WIDTH
            assert 0 <= text.y <= HEIGHT


def test_the_front_holds_what_no_other_beats_on_both_axes() -> None:
    accuracy, memory = drawn(candidates())
    assert [point.name for point in accuracy.front] == ["int8", "source"]
    assert [point.name for point in memory.front] == ["int8"]


def test_budgets_are_lines_in_the_unit_of_the_axis() -> None:
    accuracy, memory = drawn(candidates(), (*BUDGETS, FAR, MEMORY))
    lines = {(limit.along, round(limit.value, 6), limit.most): limit.words for limit in accuracy.limits}
    assert lines == {
        ("x", 0.36, True): "≤ 0.9 × source",
        ("x", 8.0, True): "≤ 8 ms",
        ("y", 97.3, False): "drop ≤ 0.5 pp",
    }
    assert [limit.words for limit in memory.limits if limit.along == "y"] == ["≤ 2.45 MB"]
    assert memory.limits[-1].value == pytest.approx(2.45)


def test_a_budget_far_from_the_data_is_named_at_the_edge_and_squeezes_nothing() -> None:
    chart = drawn(candidates(), (*BUDGETS, FAR))[0]
    assert plot_of(chart).x.high < 1
    assert "≤ 8 ms →" in {text.text for text in scene_of(chart).texts}


def test_what_ships_is_ringed_and_what_breaks_a_budget_is_hollow() -> None:
    chart = drawn(candidates())[0]
    assert {point.name: (point.ships, point.meets) for point in chart.points} == {
        "source": (False, False),
        "float16": (False, False),
        "int8": (True, True),
    }
    shapes = [shape.css for shape in scene_of(chart).shapes]
    assert shapes.count("mark breaks") == 3, "two candidates and the legend"
    assert shapes.count("ring") == 2, "one candidate and the legend"


def test_a_metric_that_is_better_lower_turns_the_axis_and_its_budget() -> None:
    points = (point("source", 1.0, 0.5, source=True), point("int8", 0.5, 0.6))
    chart = Chart(
        "n", "t", "s", Axis("latency.p50", "ms", False), Axis("mae", "mae", False), points,
        (Limit("y", 0.55, True, "≤ 0.55"),),
    )  # fmt: skip
    assert [item.name for item in chart.front] == ["int8", "source"]
    scene = scene_of(chart)
    (tint,) = [shape.d for shape in scene.shapes if shape.css == "beyond"]
    assert f"V{plot_of(chart).y.at(0.55):.1f}" in tint
    assert "mae · ← better" in {text.text for text in scene.texts}


def point(name: str, x: float, y: float, source: bool = False) -> Point:
    return Point(name, Span(x, x, x), Span(y, y, y), source=source, ships=False, meets=True)


def test_a_single_candidate_has_axes_too() -> None:
    for chart in drawn((candidate("source", "the untouched model"),)):
        plot = plot_of(chart)
        assert plot.x.low < chart.points[0].x.value < plot.x.high
        assert plot.y.ticks()


def test_ticks_are_round_numbers_inside_the_axis() -> None:
    linear = scale_of([0.26, 0.41], [], 0, 500)
    assert [text for _, text in linear.ticks()] == ["0.25", "0.30", "0.35", "0.40"]
    wide = scale_of([0.05, 0.64], [], 0, 500)
    assert wide.log
    assert [text for _, text in wide.ticks()] == ["0.05", "0.1", "0.2", "0.5"]
    huge = scale_of([1.0, 1e6], [], 0, 500)
    assert [text for _, text in huge.ticks()][-1] == "1,000,000"
    assert all(0 <= huge.at(value) <= 500 for value, _ in huge.ticks())
