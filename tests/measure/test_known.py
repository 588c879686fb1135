"""What is taken from earlier runs, and what is measured again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.core.step import Observed
from edgebuild.measure import time as timing
from edgebuild.measure.latency import summarize
from edgebuild.measure.session import TimingSession
from edgebuild.measure.time import TimeCandidates, Timed
from tests.conftest import Bench, wire
from tests.measure.models import ORT, dense, split

SHAPE = (3, 10, 10)
MS = 1_000_000


class Clock(TimingSession):
    """A session whose models take as long as their names say; `slower` is the machine of another day."""

    slower = 1.0
    taken: list[tuple[str, ...]] = []
    now = 1_800_000_000.0
    busy = ""
    """Why a run does not count."""
    deadly: tuple[str, ...] = ()
    """Models that take their process down."""

    def pilot(self) -> None:
        Clock.now += 1
        names = {row: self.step.models[row].model.id for row in self.rows}
        self.died = {row: "died by SIGKILL." for row, name in names.items() if name in self.deadly}

    def measure(self) -> None:
        names = [self.step.models[row].model.id for row in self.rows]
        type(self).taken.append(tuple(names))
        self.valid, self.why = not self.busy, self.busy
        random = np.random.default_rng(len(self.taken))
        self.arrays = {
            str(row): (float(name[1:].replace("_", ".")) * self.slower * MS * random.uniform(1, 1.002, SHAPE)).astype(
                int
            )
            for row, name in zip(self.rows, names, strict=True)
            if row not in self.died
        }

    def pooled(self) -> dict[str, np.ndarray]:
        return self.arrays


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Clock]]:
    monkeypatch.setattr(timing, "TimingSession", Clock)
    monkeypatch.setattr("time.time", lambda: Clock.now)
    Clock.slower, Clock.taken, Clock.busy, Clock.deadly = 1.0, [], "", ()
    yield Clock


class Desk:
    """Runs of the step one after the other; identities are the models' names."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.outputs = folder, list[Path]()
        self.samples, self.facts = split(folder / "samples"), folder / "facts.json"
        self.facts.write_text("{}")
        self.model = dense(folder / "m.onnx")

    def measure(self, *names: str, ids: tuple[str, ...] = (), fresh: bool = False, **fields: Any) -> dict[str, Any]:
        inputs = dict.fromkeys(names, self.model) | {"samples": self.samples, "facts": self.facts}
        bench = Bench(self.folder / str(len(self.outputs)), **inputs)
        shown = () if fresh else tuple(reversed(self.outputs))
        bench.observed = Observed(ids or names, shown, len(self.outputs))
        models = tuple(Timed(model=wire(name).attempt(), call=ORT) for name in names)
        output = bench.run(TimeCandidates(models=models, samples=wire("samples"), facts=wire("facts"), **fields))
        self.outputs.append(output)
        self.only_now = bench.only_now
        return summarize(output)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def p50(found: dict[str, Any]) -> list[float]:
    return [round(row["latency.p50"]["value"], 1) for row in found["models"]]


def test_a_run_that_contains_all_wanted_models_is_the_answer(desk: Desk, clock: type[Clock]) -> None:
    desk.measure("m8", "m4", "m2")
    found = desk.measure("m8", "m2")
    assert p50(found) == [8.0, 2.0]
    assert p50(desk.measure("m8", "m4", "m2")) == [8.0, 4.0, 2.0]
    assert clock.taken == [("m8", "m4", "m2")]
    assert (found["protocol"]["runs_merged"], found["protocol"]["times_measured"]) == (1, 1)


def test_a_new_model_is_measured_with_the_anchor_and_its_rivals_alone(desk: Desk, clock: type[Clock]) -> None:
    desk.measure("m8", "m6", "m4", "m2", "m2_02")
    found = desk.measure("m8", "m6", "m4", "m2", "m2_02", "m3")
    assert clock.taken[1] == ("m8", "m2", "m2_02", "m3")
    assert p50(found) == [8.0, 6.0, 4.0, 2.0, 2.0, 3.0]
    assert found["protocol"]["runs_merged"] == 2
    assert found["protocol"]["times_measured"] == 2


def test_numbers_of_an_older_run_are_as_uncertain_as_the_anchor_moved(desk: Desk, clock: type[Clock]) -> None:
    before = desk.measure("m8", "m6", "m4", "m2")["models"][1]
    clock.slower = 1.02
    after = desk.measure("m8", "m6", "m4", "m2", "m3")["models"][1]
    assert after["latency.p50"]["value"] == before["latency.p50"]["value"]
    width = {name: row["ratio"]["latency.p50"][2] - row["ratio"]["latency.p50"][1] for name, row in
             (("before", before), ("after", after))}  # fmt: skip
    assert width["after"] > width["before"] + 0.03 * 0.75


def test_on_another_day_of_the_machine_all_are_measured_again(desk: Desk, clock: type[Clock]) -> None:
    desk.measure("m8", "m6", "m4", "m2")
    clock.slower = 1.2
    found = desk.measure("m8", "m6", "m4", "m2", "m3")
    assert clock.taken[1:] == [("m8", "m2", "m3"), ("m8", "m6", "m4", "m2", "m3")]
    assert p50(found) == [9.6, 7.2, 4.8, 2.4, 3.6]


def test_a_model_near_a_limit_is_not_taken_from_an_older_run(desk: Desk, clock: type[Clock]) -> None:
    desk.measure("m8", "m6", "m4", "m2", limits=(6.1,))
    desk.measure("m8", "m6", "m4", "m2", "m3", limits=(6.1,))
    assert clock.taken[1] == ("m8", "m6", "m4", "m2", "m3") or "m6" in clock.taken[1]


def test_what_ships_now_stands_in_every_run(desk: Desk, clock: type[Clock], monkeypatch: pytest.MonkeyPatch) -> None:
    desk.measure("m8", "m6", "m5", "m4", "m2")
    monkeypatch.setattr("edgebuild.measure.known.digest_of", lambda path: "sha256:held")
    desk.measure("m8", "m6", "m5", "m4", "m2", "m3", incumbents=("sha256:held",))
    assert clock.taken[1] == ("m8", "m6", "m5", "m4", "m2", "m3")


def test_equal_bytes_are_measured_once(desk: Desk, clock: type[Clock]) -> None:
    found = desk.measure("m8", "m4", "m4_0", ids=("a", "b", "b"))
    assert clock.taken == [("m8", "m4")]
    assert p50(found) == [8.0, 4.0, 4.0]


def test_a_run_without_the_anchor_helps_nobody(desk: Desk, clock: type[Clock]) -> None:
    desk.measure("m8", "m4")
    desk.measure("m9", "m4", "m2")
    assert clock.taken[1] == ("m9", "m4", "m2")


def test_the_output_says_where_each_number_comes_from(desk: Desk) -> None:
    desk.measure("m8", "m6", "m4", "m2")
    desk.measure("m8", "m6", "m4", "m2", "m3")
    index = json.loads((desk.outputs[-1] / "index.json").read_text())
    assert [place["run"] for place in index["models"]] == ["0", "1", "1", "0", "0"]
    assert index["anchor"] == "m8"


def test_fewer_models_after_a_merge_measure_nothing(desk: Desk, clock: type[Clock]) -> None:
    desk.measure("m8", "m6", "m4", "m2")
    clock.slower = 1.02
    before = desk.measure("m8", "m6", "m4", "m2", "m3")
    after = desk.measure("m8", "m6", "m2", "m3")
    assert len(clock.taken) == 2
    assert after["protocol"]["runs_merged"] == 2
    assert after["models"][1] == before["models"][1], "as uncertain as it was beside the newer run"
    assert after["models"][2:] == before["models"][3:]


def test_fewer_models_are_measured_where_the_best_of_them_stand_in_two_runs(desk: Desk, clock: type[Clock]) -> None:
    desk.measure("m8", "m6", "m4", "m2")
    desk.measure("m8", "m6", "m4", "m2", "m3_98", "m2_9")
    assert clock.taken[1] == ("m8", "m2", "m3_98", "m2_9")
    desk.measure("m8", "m6", "m4", "m3_98")
    assert clock.taken[2] == ("m8", "m4", "m3_98") or "m4" in clock.taken[2]


def since(desk: Desk) -> float:
    return float((desk.outputs[-1] / "since").read_text())


def test_an_output_is_as_old_as_the_oldest_run_in_it(desk: Desk, clock: type[Clock]) -> None:
    desk.measure("m8", "m6", "m4", "m2")
    first = since(desk)
    clock.now += 1000
    desk.measure("m8", "m4")
    assert since(desk) == first, "nothing was measured"
    desk.measure("m8", "m6", "m4", "m2", "m3")
    assert since(desk) == first, "a part of it is that old"
    clock.now += 1000
    desk.measure("m9", "m3")
    assert since(desk) > first + 1999


def test_a_run_that_is_too_old_counts_for_nothing_wherever_it_was_merged(desk: Desk, clock: type[Clock]) -> None:
    desk.measure("m8", "m6", "m4", "m2", max_age_s=100.0)
    clock.now += 60
    desk.measure("m8", "m6", "m4", "m2", "m3", max_age_s=100.0)
    clock.now += 60
    desk.measure("m8", "m2", "m3", max_age_s=100.0)
    assert len(clock.taken) == 2, "all of them stand in the younger run"
    desk.measure("m8", "m6", "m4", "m2", "m3", max_age_s=100.0)
    assert {"m6", "m4"} <= set(clock.taken[2])


def test_a_model_that_took_its_process_down_is_not_known_and_the_others_are(desk: Desk, clock: type[Clock]) -> None:
    clock.deadly = ("m4",)
    found = desk.measure("m8", "m6", "m4", "m2", "m5")
    assert desk.only_now == found["due"] == "A model could not be timed: died by SIGKILL."
    assert found["models"][2] is None
    clock.deadly = ()
    clock.now += 700
    again = desk.measure("m8", "m6", "m4", "m2", "m5")
    assert clock.taken[1] == ("m8", "m4", "m2")
    assert (p50(again), again["due"], desk.only_now) == ([8.0, 6.0, 4.0, 2.0, 5.0], "", "")


def test_a_run_that_does_not_count_is_not_tried_again_at_once(desk: Desk, clock: type[Clock]) -> None:
    clock.busy = "the machine was busy."
    before = desk.measure("m8", "m4")
    clock.now += 300
    assert desk.measure("m8", "m4") == before
    assert (len(clock.taken), desk.only_now) == (1, "the machine was busy.")
    clock.busy = ""
    clock.now += 301
    assert desk.measure("m8", "m4")["due"] == ""
    assert len(clock.taken) == 2


def test_on_request_it_is_tried_at_once(desk: Desk, clock: type[Clock]) -> None:
    clock.busy = "the machine was busy."
    desk.measure("m8", "m4")
    desk.measure("m8", "m4", fresh=True)
    assert len(clock.taken) == 2


def test_another_question_is_not_put_off(desk: Desk, clock: type[Clock]) -> None:
    clock.busy = "the machine was busy."
    desk.measure("m8", "m4")
    desk.measure("m8", "m2")
    assert clock.taken[1] == ("m8", "m2"), "and nothing is taken from a run that does not count"
