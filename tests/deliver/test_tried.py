"""What a search tried, in a report: the figure, the sentences, the layers."""

from __future__ import annotations

import re
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from edgebuild.core.dossier import Dossier
from edgebuild.core.searches import Finalist, Search, SearchedLayer, Trial
from edgebuild.decide.searches import read_search
from edgebuild.deliver.report.scene import HEIGHT, WIDTH
from edgebuild.deliver.report.step import write_report
from edgebuild.deliver.report.trials import trials_scene
from edgebuild.deliver.report.tried import mixtures_chart, percentage, ranges, sentence
from edgebuild.render import Renderer
from tests.decide.dossiers import BUDGETS, candidate, candidates, dossier
from tests.decide.fronts import written

SVG = "{http://www.w3.org/2000/svg}"


def found(folder: Path, timed: bool = True, **changes: Any) -> Dossier:
    """A target whose candidates `best` and `best.2` come of a search; `best` ships."""
    best = candidate("best", "layers 2 to 3 of 4 in int8", p50_ms=0.2, ratio=0.5, size=9)
    second = candidate("best.2", "layer 2 of 4 in int8", p50_ms=0.3, ratio=0.75, size=99)
    search = read_search(written(folder, timed), {0: "best", 1: "best.2"})
    return dossier(files=(*candidates()[:3], best, second), searches=(search.model_copy(update=changes),))


def report(folder: Path, told: Dossier) -> str:
    write_report([told], [BUDGETS], Renderer(), folder / "report")
    text = (folder / "report" / "report.md").read_text(encoding="utf-8")
    return text.split("### What was tried")[1].split("### Decisions")[0]


def svg(told: Dossier) -> str:
    return Renderer().render("report/plot.svg.j2", asdict(trials_scene(mixtures_chart(told, told.searches[0]))))


def test_the_section_tells_what_each_finalist_leaves_and_what_that_costs(tmp_path: Path) -> None:
    text = report(tmp_path, found(tmp_path))
    assert (
        "`best` searched which of 4 layers to compute in fewer bits: 6 mixtures, each timed beside the source on the "
        "target." in text
    )
    assert "All layers in int8: 1.45 × the source's speed, 32.0 dB." in text
    assert "Others took the processor while 1 of them was timed." in text
    assert "1 could not be made or run: quantizer: no node to quantize." in text
    assert (
        "- **`best`**: layers 1 and 4 of 4 (`stem`, `head`) stay in floating point, 7.5 % of the multiplications; "
        "the rest is in int8. 1.60 × the source's speed and 34.0 dB in the search: 10 % faster and 2.0 dB nearer the "
        "source than with all layers in int8. Timed with all candidates it takes 0.50 × the source's time." in text
    )
    assert "- **`best.2`**: layers 1, 3 and 4 of 4 stay in floating point, 52 % of the multiplications;" in text
    assert "24 % slower and 9.0 dB nearer the source" in text


def test_a_search_behind_other_stages_is_held_against_what_they_made(tmp_path: Path) -> None:
    text = report(tmp_path, found(tmp_path, start="the model it starts from", retimed=False))
    assert "each timed beside the model it starts from on the target. The finalists were timed, like every" in text
    assert "1.60 × the speed of the model it starts from and 34.0 dB in the search" in text
    assert "2.0 dB nearer the model it starts from than" in text


def test_a_search_that_gained_nothing_has_no_finalists_that_were_timed(tmp_path: Path) -> None:
    text = report(tmp_path, found(tmp_path, finalists=()))
    assert "each timed beside the source on the target. All layers in int8: 1.45 ×" in text
    assert "finalists" not in text


def test_unlike_mixtures_are_compared_with_what_makes_them_unlike(tmp_path: Path) -> None:
    told = found(tmp_path)
    search = told.searches[0]
    better = search.finalists[0].model_copy(update={"ranges": "mse", "repairs": ("bias",)})
    words = sentence(told, search, better)
    assert words.split("than with ")[1].startswith("all layers in int8, which have minmax ranges and no repair.")


def test_the_layers_stand_in_a_folded_table(tmp_path: Path) -> None:
    folded = report(tmp_path, found(tmp_path)).split("<details>")[1]
    assert "| 1 | `stem` | Conv | 7.5 % | 30.0 dB | `best`, `best.2` |" in folded
    assert "| 2 | `block1` | Conv | 48 % | 40.0 dB | – |" in folded
    assert "| 3 | – | Conv | 45 % | – | `best.2` |" in folded


def test_a_search_by_bits_promises_no_time(tmp_path: Path) -> None:
    told = found(tmp_path, timed=False)
    text = report(tmp_path, told)
    assert "ranked by the mean bits of an operand of a multiplication." in text
    assert "an estimate, and no time: the target was not at hand." in text
    # 7.5 % of the multiplications in 32 bits, the rest in 8.
    assert "9.8 effective bits (estimated) and 34.0 dB in the search: 1.8 bits more and 2.0 dB nearer" in text
    assert "speed" not in text
    drawn = {element.text for element in ET.fromstring(svg(told)).iter(f"{SVG}text")}
    assert "32 over effective bits, estimated (×) · better →" in drawn
    assert "32 bits" in drawn


def test_the_figure_names_candidates_alone_and_explains_every_sign_that_occurs(tmp_path: Path) -> None:
    told = found(tmp_path)
    root = ET.fromstring(svg(told))
    drawn = [element.text for element in root.iter(f"{SVG}text")]
    assert {"best", "best.2", "ships", "became a candidate", "tried", "Pareto front", "the source's speed"} <= set(
        drawn
    )
    shapes = [element.get("class") for element in root.iter(f"{SVG}path")]
    assert shapes.count("dot") == 4 + 1, "four trials that became nothing, and the legend"
    assert shapes.count("mark ships") == 1
    assert shapes.count("ring") == 2, "one candidate and the legend"
    assert shapes.count("one") == 2
    assert "" not in drawn
    described = root.find(f"{SVG}desc")
    assert described is not None
    assert "6 trials, of which became candidates: best at 1.6 and 34 (ships), best.2 at 1.1 and 41." in str(
        described.text
    )


def test_signs_that_do_not_occur_are_not_explained(tmp_path: Path) -> None:
    told = found(tmp_path)
    search = told.searches[0]
    only = search.model_copy(update={"trials": tuple(Trial(gain=f.gain, sqnr=f.sqnr) for f in search.finalists)})
    text = svg(told.model_copy(update={"searches": (only,), "choice": "int8"}))
    assert ">tried<" not in text
    assert ">ships<" not in text
    assert ">became a candidate<" in text


def test_no_name_lies_on_another_and_all_stay_on_the_sheet(tmp_path: Path) -> None:
    told = crowd(found(tmp_path))
    scene = trials_scene(mixtures_chart(told, told.searches[0]))
    assert len(scene.boxes) == 4
    assert all(one.overlap(other) == 0 for one, other in combinations(scene.boxes, 2))
    assert all(0 <= text.x <= WIDTH and 0 <= text.y <= HEIGHT for text in scene.texts)


def crowd(told: Dossier) -> Dossier:
    """A search of 160 trials, four of which lie close together."""
    layers = tuple(SearchedLayer(name=f"l{row}", op="Conv", part=0.1, sqnr=30.0) for row in range(10))
    trials = tuple(Trial(gain=0.7 + row % 16 / 20, sqnr=20 + row / 8) for row in range(156))
    close = tuple(
        Finalist(
            gain=1.5 + row / 100,
            sqnr=40 - row / 10,
            candidate=f"best.{row}",
            scheme="int8",
            others="floating point",
            lowered=(row,),
        )
        for row in range(4)
    )
    search = Search(
        name="best.0", scheme="int8", ranked_by="time", layers=layers, trials=(*trials, *close), finalists=close
    )
    files = (*candidates()[:1], *(candidate(f"best.{row}", "", ratio=0.6) for row in range(4)))
    return told.model_copy(update={"searches": (search,), "candidates": files})


def test_trials_with_more_error_than_signal_are_counted_and_not_drawn(tmp_path: Path) -> None:
    told = found(tmp_path)
    far = told.searches[0].model_copy(update={"trials": (*told.searches[0].trials, Trial(gain=2.0, sqnr=-12.0))})
    text = report(tmp_path, told.model_copy(update={"searches": (far,)}))
    assert "7 mixtures" in text
    assert "1 is not drawn: below 0 dB there is more error than signal." in text


def test_the_front_of_the_figure_is_that_of_its_points(tmp_path: Path) -> None:
    told = found(tmp_path)
    assert [point.name for point in mixtures_chart(told, told.searches[0]).front] == ["best.2", "best"]


def test_two_renderings_are_the_same_bytes_and_have_a_dark_style(tmp_path: Path) -> None:
    told = found(tmp_path)
    assert svg(told) == svg(told)
    assert "prefers-color-scheme: dark" in svg(told)


def test_the_report_links_the_figure_it_writes_and_without_a_search_says_nothing(tmp_path: Path) -> None:
    text = report(tmp_path, found(tmp_path))
    (file,) = re.findall(r'src="([^"]+)"', text)
    assert (tmp_path / "report" / file).exists()
    write_report([dossier()], [BUDGETS], Renderer(), tmp_path / "plain")
    assert "What was tried" not in (tmp_path / "plain" / "report.md").read_text(encoding="utf-8")


def test_where_nothing_stays_in_floating_point_there_is_nothing_to_compare(tmp_path: Path) -> None:
    told = found(tmp_path)
    (whole,) = told.searches[0].whole
    words = sentence(told, told.searches[0], whole.model_copy(update={"candidate": "best"}))
    assert words.startswith("**`best`**: all layers are in int8. 1.45 × the source's speed and 32.0 dB in the")
    assert "than with all layers" not in words


@pytest.mark.parametrize(
    ("indices", "words"),
    [((0,), "1"), ((0, 1), "1 and 2"), ((0, 2, 3, 4), "1 and 3 to 5"), ((0, 1, 3, 5, 6, 7), "1, 2, 4 and 6 to 8")],
)
def test_positions_are_told_as_ranges(indices: tuple[int, ...], words: str) -> None:
    assert ranges(indices) == words


def test_parts_have_the_digits_they_are_worth() -> None:
    assert [percentage(part) for part in (0.0, 0.0001, 0.036, 0.5, 1.0)] == [
        "0 %",
        "under 0.1 %",
        "3.6 %",
        "50 %",
        "100 %",
    ]


def test_layers_that_are_stored_in_more_bits_are_not_called_floating_point(tmp_path: Path) -> None:
    told = found(tmp_path, timed=False, counted="weights")
    search = told.searches[0]
    stored = search.finalists[1].model_copy(update={"scheme": "4-bit storage", "others": "8-bit storage"})
    whole = search.whole[0].model_copy(update={"scheme": "4-bit storage", "gain": 8.0})
    words = sentence(told, search.model_copy(update={"whole": (whole,)}), stored)
    assert words.startswith(
        "**`best.2`**: layers 1, 3 and 4 of 4 stay in 8-bit storage, 52 % of the weights; the rest is in 4-bit storage."
    )
    assert "than with all layers in 4-bit storage" in words
    assert "floating point" not in words
    assert "ranked by the mean bits of a stored weight." in report(tmp_path, told)


def test_a_search_that_was_cut_short_says_so(tmp_path: Path) -> None:
    assert "It ended by its limit of time or trials" in report(tmp_path, found(tmp_path, cut=True))
