"""A whole search in a store: its front, what it leaves early, and that a killed one runs nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edgebuild.compress.search.architecture.holdout import HELD, HoldOut
from edgebuild.compress.search.architecture.paper import SPREAD
from edgebuild.compress.search.architecture.search import SearchArchitecture
from edgebuild.compress.search.architecture.space import Axes
from edgebuild.compress.search.front import read_front
from edgebuild.compress.train.scores import Judge
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Graph
from edgebuild.core.searches import TRIALS_FILE
from edgebuild.data.sources import ReadSource, digest_path
from edgebuild.engine.build import build
from edgebuild.engine.store import Store
from edgebuild.measure.predict import Predict
from edgebuild.metrics.top1 import Top1
from edgebuild.models.inspect.step import inspection
from edgebuild.models.routes import Lane, shortest
from tests.compress.train.conftest import network, samples
from tests.engine.conftest import Yard
from tests.engine.conftest import yard as yard  # noqa: PLC0414 - a fixture

ROOT = Path(__file__).resolve().parents[3]
CALL = Call(session="edgebuild.runtimes.reference.session", runtime="keras")
AXES = Axes(width=(0.125, 0.5), depth=(1, 2), kernel=(3,))


def searching(folder: Path, **changes: Any) -> Graph:
    """A search without a clock, wanted as `front`."""
    graph = Graph()

    def read(name: str) -> Any:
        path = folder / name
        return graph.add(ReadSource(path=str(path), digest=digest_path(path), name=name), name)

    model = read("model.keras")
    facts = graph.add(inspection(model, "keras", {"batch": 1}, {}), "facts")
    halves = graph.add(HoldOut(samples=read("train")), "halves")
    reference = graph.add(Predict(model=model, call=CALL, samples=halves / HELD), "reference")
    judge = Judge(
        metric=Top1(metric="top1"),
        name="accuracy",
        better="higher",
        samples=halves / HELD,
        reference=reference,
        call=CALL,
    )
    given: dict[str, Any] = {"axes": AXES, "slots": 2, "trials": 3, "epochs": 3, "seconds": 600.0}
    given |= {"batch": 16, "learning_rate": 1e-2, "space": "ds-cnn", **changes}
    lane = Lane(hops=shortest("keras", "tflite"), shapes={"batch": 1})
    step = SearchArchitecture(reference=model, facts=facts, halves=halves, judge=judge, lane=lane, call=CALL, **given)
    graph.want("front", graph.add(step, "search"))
    return graph


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The spec's model and its samples."""
    place = tmp_path / "project"
    place.mkdir()
    network().save(place / "model.keras")
    samples(place / "train", 240)
    return place


def rows(store: Store, kind: str) -> set[tuple[str, str]]:
    """Key and time of each step of a kind that a store holds."""
    return {tuple(map(str, row)) for row in store.rows.all(f"SELECT key, step FROM actions WHERE step LIKE '%:{kind}'")}


def found(graph: Graph, store: Store) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The front, and all that was tried."""
    with build(graph, store) as results:
        assert results.exit_code == 0, results.problems()
        path = results.path(graph.wanted["front"])
        told: dict[str, Any] = json.loads((path / TRIALS_FILE).read_text())
        return read_front(path), told


@pytest.mark.slow
def test_a_killed_search_runs_nothing_twice_and_a_longer_one_only_what_is_new(tmp_path: Path, folder: Path) -> None:
    place = tmp_path / "store"
    code = (
        "from pathlib import Path; from edgebuild.engine.build import build; from edgebuild.engine.store import Store\n"
        "from tests.compress.architecture.test_search import searching\n"
        f"build(searching(Path({str(folder)!r})), Store(Path({str(place)!r})))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    began = time.monotonic()
    while not (place.exists() and len(trained(place)) >= 3):
        assert process.poll() is None
        assert time.monotonic() - began < 300
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = trained(place)
    with Store(place) as store:
        front, told = found(searching(folder), store)
        after = trained(place)
        # Three networks, each of one epoch and then two more where it was worth them: none was trained twice.
        assert len(after) == sum(len(item["scores"]) for item in told["trials"])
        assert before < after
        tried = told["trials"]
        assert [item["words"] for item in tried[:2]] == [
            "width 0.125, depth 1, kernel 3",
            "width 0.5, depth 2, kernel 3",
        ]
        assert (told["ranked_by"], told["evidence"], told["spread"]) == ("multiplications", "estimated", SPREAD)
        assert [item["words"] for item in front if "trained 3 epochs" in item["words"]]
        nobody_beats(tried)
        _, longer = found(searching(folder, trials=4), store)
        assert longer["trials"][:3] == [{**item, **ends(longer, number)} for number, item in enumerate(tried)]
        assert after < trained(place)


def ends(told: dict[str, Any], number: int) -> dict[str, Any]:
    """What of a trial depends on all others."""
    return {name: told["trials"][number][name] for name in ("front", "slot")}


def trained(place: Path) -> set[str]:
    """Keys of the segments that a store holds."""
    with Store(place) as store:
        return {key for key, _ in rows(store, "TrainSegment")}


def nobody_beats(tried: list[dict[str, Any]]) -> None:
    """Every network of the front is better than each other one, in speed or in metric."""
    front = [item for item in tried if item["front"]]
    assert front
    assert {item["slot"] for item in tried if item["slot"] is not None} == set(range(min(2, len(front))))
    for item in front:
        for other in tried:
            if not other["stopped"] and other is not item:
                assert item["gain"] > other["gain"] or item["score"] > other["score"]


def test_a_search_ends_where_none_of_its_first_networks_can_be_trained(yard: Yard, folder: Path) -> None:
    widths = Axes(width=(0.125, 0.25, 0.5, 1.0))
    graph = searching(folder, space="ds-cnn", axes=widths, learning_rate=1e30, trials=4, epochs=1)
    results = yard.build(graph)
    refusal = results.refusal(graph.wanted["front"])
    assert refusal is not None
    assert refusal.why.startswith("none of 3 networks could be made and trained; of width 0.125: ")
