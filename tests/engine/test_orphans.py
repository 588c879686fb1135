"""Parents that die, processes that are left behind: no step is lost by it, and nothing goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebuild.engine.build import Options, build
from edgebuild.engine.crew import Crew
from edgebuild.engine.execute import Executor
from edgebuild.engine.process import parents
from tests.engine.conftest import Yard, graph_of
from tests.engine.rough import FromASlowFamily, KillsItsParent, LeavesBehind, SwellsElsewhere
from tests.engine.steps import Say

ROOT = Path(__file__).resolve().parents[2]


def alive(folder: Path) -> list[str]:
    """Processes that have a folder in their command or as their current one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(folder) in words + str((process / "cwd").readlink()) and process.name != str(os.getpid()):
                found.append(words)
        except OSError:
            continue
    return found


def gone(folder: Path) -> bool:
    until = time.monotonic() + 5
    while alive(folder) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(folder)


def test_a_step_whose_parent_dies_runs_again_and_is_no_crash(yard: Yard, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    results = yard.build(graph_of(step=KillsItsParent(trace=str(trace)), other=Say(text="x")))
    assert results.exit_code == 0, results.problems()
    assert len(trace.read_text().split()) == 2
    assert yard.store.rows.one("SELECT count(*) FROM crashes") == (0,)


def test_a_step_that_always_takes_its_parent_along_fails_by_name(yard: Yard, tmp_path: Path) -> None:
    results = yard.build(graph_of(step=KillsItsParent(trace=str(tmp_path / "trace"), times=9)))
    (failure,) = results.failures
    assert (failure.label, failure.exit_code) == ("step", 5)
    assert "lost twice" in failure.problems[0].what


def test_parents_that_import_for_too_long_are_done_without(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parents, "START_S", 0.4)
    results = yard.build(graph_of(**{name: FromASlowFamily(text=name) for name in "abc"}))
    assert results.exit_code == 0, results.problems()
    assert [yard.blob(results, name).read_text() for name in "abc"] == ["a", "b", "c"]


@pytest.mark.parametrize("hangs", [False, True])
def test_what_a_step_leaves_behind_ends_with_it(hangs: bool, yard: Yard) -> None:
    with build(graph_of(step=LeavesBehind(hangs=hangs)), yard.store, Options(jobs=2)) as results:
        assert results.exit_code == (5 if hangs else 0)
        assert gone(yard.folder)


def test_with_the_engine_killed_nothing_that_a_step_started_goes_on(tmp_path: Path) -> None:
    program = (
        "from edgebuild.engine.build import build; from edgebuild.engine.store import Store; from pathlib import Path\n"
        "from tests.engine.conftest import graph_of; from tests.engine.rough import LeavesBehind\n"
        f"LeavesBehind.timeout_s = 60; step = LeavesBehind(hangs=True, note={str(tmp_path / 'note')!r})\n"
        f"build(graph_of(step=step), Store(Path({str(tmp_path / 'store')!r})))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    while not (tmp_path / "note").exists():
        time.sleep(0.02)
        assert process.poll() is None
    assert len(alive(tmp_path / "store")) >= 4
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert gone(tmp_path / "store"), alive(tmp_path / "store")


def test_memory_of_what_a_step_started_counts_however_it_was_started(yard: Yard) -> None:
    results = yard.build(graph_of(swell=SwellsElsewhere(megabytes=600)), memory=300_000_000)
    (failure,) = results.failures
    assert "needed more memory than there is" in failure.problems[0].what


def test_an_exception_outside_of_a_step_is_our_bug_and_no_hanging_build(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Executor, order: object, tell: object) -> None:
        raise LookupError("a surprise")

    monkeypatch.setattr(Executor, "perform", broken)
    results = yard.build(graph_of(step=Say(text="x")))
    assert results.exit_code == 70
    assert "a surprise" in results.problems()[0].what
    assert Crew
