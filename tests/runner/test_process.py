"""Counters of the machine, read from forged files of the kernel's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgebuild.runner import process


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the kernel says."""
    for name, file in (("STAT", "stat"), ("PRESSURE", "cpu"), ("GROUP", "cgroup"), ("GROUPS", "groups")):
        monkeypatch.setattr(process, name, tmp_path / file)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("os.sysconf", lambda _: 100)
    return tmp_path


def test_stolen_time_is_that_of_one_processor_in_seconds(kernel: Path) -> None:
    (kernel / "stat").write_text("cpu  1 2 3 4 5 6 7 800 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n")
    assert process.machine()["stolen_s"] == 2.0


def test_waiting_is_told_in_seconds(kernel: Path) -> None:
    (kernel / "cpu").write_text("some avg10=0.95 avg60=12.09 avg300=16.12 total=1500000\nfull avg10=0.00 total=0\n")
    assert process.machine()["waiting_s"] == 1.5


@pytest.mark.parametrize("place", ["groups/job/7", "groups", "groups/cpu"])
def test_throttling_is_that_of_the_own_control_group(kernel: Path, place: str) -> None:
    (kernel / "cgroup").write_text("4:memory:/other\n0::/job/7\n")
    (kernel / place).mkdir(parents=True)
    (kernel / place / "cpu.stat").write_text("usage_usec 5\nnr_periods 90\nnr_throttled 17\n")
    assert process.machine()["throttled"] == 17


def test_a_system_that_says_nothing_is_none(kernel: Path) -> None:
    found = process.machine()
    assert (found["stolen_s"], found["waiting_s"], found["throttled"]) == (None, None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has both clocks")
def test_a_suspended_machine_shows_in_the_difference_of_two_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr("time.clock_gettime", lambda clock: 130.0 if clock == time.CLOCK_BOOTTIME else 100.0)
    assert process.machine()["asleep_s"] == 30.0
