"""Whole trainings in a store: segments are found again, a killed one goes on, seeds are judged, time is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from edgebuild.compress.train.fakequant import FakeQuant
from edgebuild.compress.train.schedule import rates
from edgebuild.compress.train.scores import Judge, summary
from edgebuild.compress.train.step import RECORD, Course, TrainModel, follow, left, told
from edgebuild.compress.train.zeros import KeepZeros
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Graph
from edgebuild.core.step import Workspace
from edgebuild.data.sources import ReadSource, digest_path
from edgebuild.data.usercode import resolve
from edgebuild.engine.build import build
from edgebuild.engine.results import Results
from edgebuild.engine.store import Store
from edgebuild.measure.predict import Predict
from edgebuild.metrics.top1 import Top1
from tests.compress.train.conftest import network, samples
from tests.conftest import wire
from tests.engine.conftest import Log, Yard

ROOT = Path(__file__).resolve().parents[3]
CALL = Call(session="edgebuild.runtimes.reference.session", runtime="keras")


def training(folder: Path, **changes: Any) -> Graph:
    """A training of the small network, wanted as `trained`."""
    graph = Graph()

    def read(name: str) -> Any:
        path = folder / name
        return graph.add(ReadSource(path=str(path), digest=digest_path(path), name=name), name)

    model = read("model.keras")
    given: dict[str, Any] = {"samples": read("train"), "epochs": 3, "segment": 1, "schedule": "constant"}
    if changes.pop("judged", False):
        select = read("select")
        reference = graph.add(Predict(model=model, call=CALL, samples=select), "reference")
        given["judge"] = Judge(
            metric=Top1(metric="top1"), name="accuracy", better="higher", samples=select, reference=reference, call=CALL
        )
    given |= {"seeds": (0,), "learning_rate": 3e-3, "batch": 32, "loss": "auto", "keep": "median", **changes}
    starts = (model,) * len(given["seeds"])
    graph.want("trained", graph.add(TrainModel(starts=starts, constraints=(KeepZeros(),), **given), "train"))
    return graph


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The network and samples."""
    place = tmp_path / "project"
    place.mkdir()
    network().save(place / "model.keras")
    samples(place / "train", 64)
    samples(place / "select", 40, 5)
    return place


def record(results: Results) -> dict[str, Any]:
    """`training.json`."""
    with results:
        assert results.exit_code == 0, results.problems()
        found: dict[str, Any] = json.loads((results.path(results.graph.wanted["trained"]) / RECORD).read_text())
    return found


def segments(store: Store) -> set[str]:
    """Keys of the segments that a store holds."""
    return {str(row[0]) for row in store.rows.all("SELECT key FROM actions WHERE step LIKE '%:TrainSegment'")}


def test_a_longer_training_runs_only_what_is_new(yard: Yard, folder: Path) -> None:
    graph = training(folder)
    log = Log(graph)
    first = record(build(graph, yard.store, listener=log))
    before = segments(yard.store)
    assert len(before) == 3
    assert [news[:2] for news in log.news if news[2].startswith("epochs")] == [(0, 3), (1, 3), (2, 3)]
    assert log.news[-1][2].endswith(" left")
    longer = record(build(training(folder, epochs=5), yard.store))
    assert len(segments(yard.store)) == 5
    assert before < segments(yard.store)
    # The epochs of both are those of the same segments.
    assert longer["seeds"][0]["epochs"][:3] == first["seeds"][0]["epochs"]


def test_a_training_stops_where_its_time_ends(yard: Yard, folder: Path) -> None:
    known = record(build(training(folder, epochs=30, time_s=1e-3, schedule="cooldown"), yard.store))
    assert known["wanted epochs"] == 30
    # The first epoch tells how long one takes.
    assert len(known["seeds"][0]["epochs"]) == 1


class Paced:
    """A workspace whose epochs all take as long."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self.seconds = folder, seconds
        self.segments: list[Any] = []

    def run(self, step: Any) -> Path:
        self.segments.append(step.how)
        count = len(step.how.rates)
        log = {"epochs": [{"loss": 1.0}] * count, "seconds": count * self.seconds}
        (self.folder / "log.json").write_text(json.dumps(log))
        return self.folder


@pytest.mark.parametrize("schedule", ["cooldown", "cosine"])
@pytest.mark.parametrize("integers", [False, True])
def test_the_schedule_ends_within_the_time(tmp_path: Path, schedule: Any, integers: bool) -> None:
    held = (FakeQuant(),) if integers else ()
    step = TrainModel(
        starts=(wire("start"),), seeds=(0,), samples=wire("samples"), epochs=100, segment=5, schedule=schedule,
        learning_rate=1.0, batch=32, loss="auto", constraints=held, keep="median",
    )  # fmt: skip
    paced = Paced(tmp_path, 60)
    done = follow(step, cast("Workspace", paced), Course(0, wire("start")), 9.5 * 60, lambda *_: None)
    assert done.done == 9
    assert len(paced.segments[0].rates) == 1
    every = [rate for how in paced.segments for rate in how.rates]
    # The last of nine: the middle of the last third of half a cosine, or of its ninth.
    assert every[-1] == rates(schedule, 1.0, 9)[-1] < 0.1
    assert [how.constraints[0].frozen for how in paced.segments][-2:] == [False, True] if integers else True


@pytest.mark.slow
def test_seeds_are_judged_on_select_and_the_middle_one_goes_on(yard: Yard, folder: Path) -> None:
    known = record(build(training(folder, seeds=(0, 1, 2), epochs=1, judged=True), yard.store))
    scores = known["scores"]
    assert len(scores) == 3
    assert known["mean"] == pytest.approx(np.mean(scores))
    assert known["standard deviation"] == pytest.approx(np.std(scores, ddof=1))
    assert (
        scores[known["seeds"].index(next(s for s in known["seeds"] if s["seed"] == known["goes on"]))]
        == sorted(scores)[1]
    )
    assert (known["metric"], known["unit"], known["keep"]) == ("accuracy", "%", "median")


HOOK = """\
from pathlib import Path


def fit(model, data, context):
    with Path({trace!r}).open("a") as trace:
        trace.write(f"{{context.first}} ")
    model.fit(data.x, data.y, batch_size=context.batch, epochs=context.epochs, verbose=0)
    return model
"""


def hooked(folder: Path, trace: Path) -> Graph:
    """The training by a function that notes each segment it runs."""
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "train.py").write_text(HOOK.format(trace=str(trace)))
    return training(folder, fit=resolve(folder / "code", "train.py:fit"))


def ran(trace: Path) -> list[str]:
    return trace.read_text().split() if trace.exists() else []


@pytest.mark.slow
def test_a_killed_training_goes_on_at_its_last_segment(tmp_path: Path, folder: Path) -> None:
    trace, store = tmp_path / "trace", tmp_path / "store"
    code = (
        "from pathlib import Path; from edgebuild.engine.build import build; from edgebuild.engine.store import Store\n"
        "from tests.compress.train.test_training import hooked\n"
        f"build(hooked(Path({str(folder)!r}), Path({str(trace)!r})), Store(Path({str(store)!r})))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
    while len(ran(trace)) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with Store(store) as opened:
        known = record(build(hooked(folder, trace), opened))
    # The kill cost the one segment that was running.
    assert ran(trace) == ["0", "1", "1", "2"]
    assert len(known["seeds"][0]["epochs"]) == 3


def test_what_a_hook_raises_ends_the_training_at_its_line(yard: Yard, folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "train.py").write_text("def fit(model, data, context):\n    return model.fitt(data.x)\n")
    results = yard.build(training(folder, fit=resolve(folder / "code", "train.py:fit")))
    assert results.exit_code == 2
    (problem,) = results.problems()
    assert problem.span is not None
    assert (problem.span.file, problem.span.line) == ("train.py", 2)


def test_time_left_is_told_in_words() -> None:
    assert [left(seconds) for seconds in (0.2, 40, 200, 9000)] == [
        "about 1 s",
        "about 40 s",
        "about 3 min",
        "about 2.5 h",
    ]


def test_a_report_is_told_what_only_a_training_can_tell() -> None:
    seeds = [{"seed": seed, "asked": 20, "epochs": [{}] * 20} for seed in range(3)]
    record = {"wanted epochs": 20, "goes on": 1, "seeds": seeds}
    first = "seed 1 goes on, the first: the spec has no metric to tell them apart"
    assert told(record) == f"20 epochs done; {first}"
    short = {"seed": 1, "asked": 15, "epochs": [{}] * 14 + [{"loss": 0.12345}]}
    assert told({**record, "seeds": [short]}) == "15 of 20 epochs fitted into the time, the last at a loss of 0.123"
    judge = Judge(
        metric=Top1(metric="top1"), name="accuracy", better="higher", samples=wire("s"), reference=wire("r"), call=CALL
    )
    scored = {**record, **summary(judge, [96.5, 97.0, 97.5], "median")}
    spread = "accuracy 97 ± 0.5 % over 3 seeds on select"
    assert told(scored) == f"20 epochs done; {spread}; seed 1 goes on, the median by accuracy"
    nan = {**record, **summary(judge, [None, float("nan"), None], "median")}
    assert told(nan) == "20 epochs done; seed 1 goes on, the first: no score is a number"


@pytest.mark.parametrize(
    ("ran", "words"),
    [
        ([{"loss": 0.5}] * 7, "by Keras' loop 7 were run, the last at a loss of 0.5"),
        ([{"loss": 0.5}] * 39 + [{"loss": 0.25}], "by Keras' loop 40 were run, the last at a loss of 0.25"),
        ([], "how many were run is not known"),
    ],
)
def test_epochs_that_a_hook_did_otherwise_are_told(ran: Any, words: str) -> None:
    seeds = [{"seed": 0, "asked": 20, "epochs": ran}]
    record = {"wanted epochs": 20, "goes on": 0, "seeds": seeds}
    assert told(record) == f"20 of 20 epochs were asked of your own training, {words}"
