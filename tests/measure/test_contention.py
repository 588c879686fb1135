"""What makes a timing process count, and how long one lasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgebuild.measure.contention import Process, control_ratio, disturbed, odd_control, passed
from edgebuild.measure.effort import LONGEST_S, effort


def raw(**changes: Any) -> dict[str, Any]:
    return {
        "load_ns": [5, 6], "first_ns": [7, 8], "order_seed": 1, "cpu_s": 1.99, "wall_s": 2.0,
        "involuntary_switches": 5, "loadavg": 0.4, **changes,
    }  # fmt: skip


def test_a_process_that_had_its_processor_counts() -> None:
    found = Process.of({"processes": [raw()]}, [0, 3], 9)

    assert found.contended == ""
    assert found.load_ns == {"0": 5, "3": 6}
    assert found.record()["order_seed"] == 9


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"cpu_s": 1.5}, "75% of the time"), ({"involuntary_switches": 400}, "interrupted 200 times per second")],
)
def test_a_process_that_shared_its_processor_does_not(changes: dict[str, Any], words: str) -> None:
    assert words in Process.of({"processes": [raw(**changes)]}, [0, 1], 9).contended


def machine(**went_on: float | None) -> list[dict[str, float | None]]:
    """Counters before and after, of a machine that had counted before."""
    before: dict[str, float | None] = {"stolen_s": 80.0, "waiting_s": 900.0, "throttled": 12, "asleep_s": 3600.0}
    return [before, {name: None if went_on.get(name, 0.0) is None else (value or 0.0) + (went_on.get(name) or 0.0)
                     for name, value in before.items()}]  # fmt: skip


@pytest.mark.parametrize(
    ("went_on", "words"),
    [
        ({"stolen_s": 0.05}, "the hypervisor gave 2.5% of each processor to others"),
        ({"waiting_s": 0.8}, "something waited for a processor 40% of the time"),
        ({"throttled": 3}, "its control group had used up its quota 3 times"),
        ({"asleep_s": 30.0}, "the machine was suspended for 30.0 s"),
    ],
)
def test_what_befalls_the_machine_makes_a_process_not_count(went_on: dict[str, float], words: str) -> None:
    found = Process.of({"processes": [raw(machine=machine(**went_on))]}, [0, 1], 9)

    assert found.contended == words
    assert found.record()["machine"][next(iter(went_on))] == pytest.approx(next(iter(went_on.values())))


@pytest.mark.parametrize("went_on", [{"stolen_s": 0.01}, {"waiting_s": 0.1}, {"asleep_s": 0.0001}, {}])
def test_what_every_machine_shows_does_not(went_on: dict[str, float]) -> None:
    assert Process.of({"processes": [raw(machine=machine(**went_on))]}, [0, 1], 9).contended == ""


def test_a_machine_that_does_not_tell_is_not_accused() -> None:
    nothing: dict[str, Any] = dict.fromkeys(("stolen_s", "waiting_s", "throttled", "asleep_s"))
    assert Process.of({"processes": [raw(machine=[nothing, nothing])]}, [0, 1], 9).contended == ""
    assert Process.of({"processes": [raw(machine=machine(stolen_s=None))]}, [0, 1], 9).contended == ""


def test_a_counter_that_went_back_says_nothing() -> None:
    before, after = machine()
    assert passed(after | {"throttled": 40}, before) == {"stolen_s": 0.0, "waiting_s": 0.0, "asleep_s": 0.0}


def test_several_threads_use_more_than_the_wall_time() -> None:
    assert disturbed(share=1.9, switches_per_s=3) == ""


def samples(control: float) -> dict[str, np.ndarray]:
    base = np.full((4, 6), 1000.0)
    return {"0": base, "control": base * control}


def test_the_same_model_twice_must_agree() -> None:
    assert odd_control([samples(1.02), samples(0.99)], "0") == ""
    assert "differed by 5.0%" in odd_control([samples(1.05), samples(1.05)], "0")
    assert control_ratio([], "0") is None


def test_fast_models_fill_the_time_and_slow_ones_get_their_sixty_samples() -> None:
    fast, slow = effort([0.0002] * 6, 2.0), effort([0.1] * 6, 2.0)

    assert fast.rounds == 30
    assert fast.rounds * fast.runs * 6 * 0.0002 == pytest.approx(2.0, rel=0.1)
    assert 3 * slow.rounds * slow.runs >= 59


def test_no_model_takes_for_ever() -> None:
    crawling = effort([3.0] * 6, 2.0)

    assert crawling.rounds * crawling.runs >= 3
    assert crawling.rounds * crawling.runs * 18 <= max(LONGEST_S, 3 * 18)


def test_instant_models_are_not_run_for_ever_either() -> None:
    instant = effort([1e-7, 1e-7], 2.0)

    assert instant.rounds * instant.runs <= 2000
