"""What makes a timing process count, and how long one lasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgebuild.measure.contention import Process, control_ratio, disturbed, odd_control
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
