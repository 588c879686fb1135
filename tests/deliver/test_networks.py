"""What a search over architectures tried, in a report."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from edgebuild.core.dossier import Dossier
from edgebuild.core.searches import NetworkSearch, NetworkTrial
from edgebuild.decide.searches import networks as read_networks
from edgebuild.deliver.report.networks import networks_chart
from edgebuild.deliver.report.trials import trials_scene
from edgebuild.render import Renderer
from tests.decide.dossiers import candidate, candidates, dossier
from tests.deliver.test_tried import SVG, report


def trial(words: str, gain: float, score: float, candidate: str = "", stopped: bool = False) -> NetworkTrial:
    epochs = 1 if stopped else 9
    return NetworkTrial(words=words, gain=gain, score=score, epochs=epochs, stopped=stopped, candidate=candidate)


def found(**changes: Any) -> Dossier:
    trials = (
        trial("width 0.5, depth 2", 1.6, 96.0, "nas"),
        trial("width 1, depth 2", 1.25, 97.5, "nas.2"),
        trial("width 1, depth 5", 0.9, 97.0),
        trial("width 0.25, depth 5", 0.95, 31.0, stopped=True),
    )
    search = NetworkSearch(
        name="nas", space="ds-cnn", networks=32, ranked_by="time", metric="accuracy", unit="%", better="higher",
        rungs=(1, 3, 9), trials=trials, contended=1, refused=2, refused_words="keras: no such network.",
    ).model_copy(update=changes)  # fmt: skip
    files = (candidate("nas", "ds-cnn", ratio=0.64), candidate("nas.2", "ds-cnn", ratio=0.8))
    return dossier(files=(*candidates()[:1], *files), architectures=(search,), choice="nas")


def test_the_section_tells_of_finalists_and_of_what_was_left(tmp_path: Path) -> None:
    text = report(tmp_path, found())
    assert "`nas` tried 4 of the 32 networks of `ds-cnn`, each timed beside the source on the target before" in text
    assert "1 was left after 1 or 3 of 9 epochs: others were both faster and better in accuracy by then." in text
    assert "Others took the processor while 1 of them was timed." in text
    assert "2 could not be made, trained or run: keras: no such network." in text
    assert (
        "- **`nas`**: width 0.5, depth 2. 1.60 × the source's speed and accuracy 96.00 % in the search. Timed with all "
        "candidates it takes 0.64 × the source's time." in text
    )


def test_every_network_stands_in_a_folded_table(tmp_path: Path) -> None:
    folded = report(tmp_path, found()).split("<details>")[1]
    assert "| # | network | speed | accuracy | epochs | became |" in folded
    assert "| 1 | width 0.5, depth 2 | 1.60 × | 96.00 % | 9 | `nas` |" in folded
    assert "| 4 | width 0.25, depth 5 | 0.95 × | 31.00 % | 1, left | – |" in folded


def test_what_multiplications_say_of_time_comes_with_its_interval(tmp_path: Path) -> None:
    text = report(tmp_path, found(ranked_by="multiplications", spread=2.0))
    assert "ranked by multiplications: the target was not at hand." in text
    assert "0.62 × the source's multiplications, which is 0.31 to 1.25 × its time (estimated: so far" in text
    assert "on the boards of MLPerf Tiny) and accuracy 96.00 % in the search." in text


def test_where_weights_are_counted_nothing_is_said_of_time(tmp_path: Path) -> None:
    text = report(tmp_path, found(ranked_by="weights", spread=None))
    assert "0.62 × the source's weights and accuracy" in text
    assert "estimated" not in text


def test_the_figure_shows_networks_that_were_trained_to_the_end(tmp_path: Path) -> None:
    told = found()
    chart = networks_chart(told, told.architectures[0])
    assert [point.name for point in chart.points] == ["nas", "nas.2", ""]
    drawn = Renderer().render("report/plot.svg.j2", asdict(trials_scene(chart)))
    words = {element.text for element in ET.fromstring(drawn).iter(f"{SVG}text")}
    assert {"nas", "nas.2", "ships", "tried", "the source's speed", "accuracy (%) · better →"} <= words
    assert [point.name for point in chart.front] == ["nas.2", "nas"]


def test_the_record_of_a_search_is_read_with_its_losses() -> None:
    row = {"words": "width 1", "gain": 1.5, "score": 90.0, "epochs": 3, "stopped": False, "contended": "others"}
    told = {
        "space": "ds-cnn", "networks": 4, "ranked_by": "time", "spread": None, "metric": "accuracy", "unit": "%",
        "better": "higher", "rungs": [1, 3], "cut": True, "trials": [row | {"slot": 0}, row | {"slot": None}],
        "refused": [], "failed": [{"words": "width 2", "why": "keras: out of memory"}],
    }  # fmt: skip
    search = read_networks(told, {0: "best"})
    assert [item.candidate for item in search.trials] == ["best", ""]
    assert (search.contended, search.cut, search.refused, search.refused_words) == (2, True, 1, "keras: out of memory")
