"""What a search does where trials are slow, refused or die."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edgebuild.compress.search.precision.account import nothing_gained, told
from edgebuild.compress.search.precision.explorer import BATCH, Explorer
from edgebuild.compress.search.precision.mixtures import Layer, Mixture
from edgebuild.compress.search.precision.trials import TryMixtures, TryOnnx
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Clock
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.errors import Problem, Refused, StepError

WIRE = Artifact(id="made", filename="0.onnx")
CALL = Call(runtime="onnxruntime", session="onnxruntime")
LAYERS = [Layer(name=f"conv{number}", op="Conv", macs=10) for number in range(30)]


@dataclass
class Work:
    """Answers every mixture alike, after a while."""

    folder: Path
    slow_s: float = 0.0
    dies: type[Step] | None = None
    """Steps of this class die."""
    ran: list[Step] = field(default_factory=list)

    def run(self, step: Step) -> Path:
        self.ran.append(step)
        time.sleep(self.slow_s)
        if self.dies is not None and isinstance(step, self.dies):
            raise StepError(Problem("trial", "died of a signal."))
        place = self.folder / str(len(self.ran))
        place.mkdir()
        rows = [{"sqnr": 30.0, "agreement": None} for _ in getattr(step, "mixtures", ())]
        (place / "trials.json").write_text(json.dumps(rows))
        return place

    def progress(self, done: int, total: int, words: str) -> None:
        pass


def make(mixtures: tuple[Mixture, ...], keep: bool) -> TryMixtures:
    if mixtures[0].ranges == "entropy":
        raise Refused(by="calibrate", why="it has no such histogram.")
    return TryOnnx(
        model=WIRE,
        ranges=WIRE,
        samples=WIRE,
        call=CALL,
        mixtures=mixtures,
        keep=keep,
    )


def explorer(work: Work, clock: Clock | None = None, seconds: float = 9.0) -> Explorer:
    held: Any = work
    return Explorer(held, LAYERS, make, WIRE, CALL, clock, most=60, seconds=seconds)


def test_slow_sensitivities_leave_time_for_trials(tmp_path: Path) -> None:
    one = explorer(Work(tmp_path, slow_s=0.2), seconds=0.1)
    noise = one.sensitivities(Mixture(first=0, last=29))
    assert noise == pytest.approx([1e-3] * BATCH + [1.0] * (30 - BATCH))
    assert one.cut
    assert one.attempt([Mixture(first=0, last=29)])


def test_a_calibration_that_cannot_be_leaves_what_was_found(tmp_path: Path) -> None:
    one = explorer(Work(tmp_path))
    first = Mixture(first=0, last=29)
    (found,) = one.attempt([first])
    assert one.attempt([first.model_copy(update={"ranges": "entropy"})]) == []
    assert one.tried == {first: found}
    assert list(one.refused.values()) == ["it has no such histogram."]


def test_a_batch_that_dies_is_not_known_and_no_end(tmp_path: Path) -> None:
    one = explorer(Work(tmp_path, dies=TryOnnx))
    assert one.sensitivities(Mixture(first=0, last=29)) == [1.0] * 30
    assert one.failed == ["died of a signal."] * 3


def test_mixtures_that_no_run_timed_are_told(tmp_path: Path) -> None:
    from edgebuild.compress.search.precision.clock import TimeMixtures

    one = explorer(Work(tmp_path, dies=TimeMixtures), clock=Clock(facts=WIRE, samples=WIRE))
    assert one.attempt([Mixture(first=0, last=29)]) == []
    lost = told(one, [0.1] * 30, [], [])["refused"]
    assert [item["why"] for item in lost] == ["the run that was to time them died"]


def test_why_nothing_gained_goes_by_the_last_times(tmp_path: Path) -> None:
    one = explorer(Work(tmp_path))
    (found,) = one.attempt([Mixture(first=0, last=29)])
    one.tried[found.mixture] = found.timed(1.06)
    words = nothing_gained(one, [found.timed(1.0)])
    assert "none of 1 mixtures is faster" in words
    assert "has 1.00 × its speed" in words


def test_ranges_are_named_where_something_was_calibrated() -> None:
    assert Mixture(first=0, last=29).words(LAYERS).endswith("; minmax ranges")
    assert "ranges" not in Mixture(first=0, last=29, scheme="dynamic int8", ranges="average").words(LAYERS)


def test_a_weight_that_is_to_be_left_alone_is_in_no_fewer_bits() -> None:
    whole = Mixture(first=0, last=29, scheme="4-bit storage", others="8-bit storage", floats=(3,))
    apart = whole.without((7,))
    assert (apart.floats, apart.kept) == ((3, 7), (7,))
    assert apart.words(LAYERS).endswith("the others in 8-bit storage, 1 as it was")
    assert Mixture(first=0, last=29).without((7,)).kept == ()
