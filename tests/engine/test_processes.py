"""Processes of steps: forked from a parent that only imported, or started; limits; what is remembered of crashes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.outcomes import Failed
from edgebuild.engine.process.kin import kin, resident_bytes
from edgebuild.engine.process.memory import available_bytes, total_bytes
from edgebuild.engine.process.parents import Parents
from tests.engine.conftest import Log, Yard, graph_of
from tests.engine.steps import Chatter, Crash, Hang, Inside, Once, Say, Swell, Traced

ROOT = Path(__file__).resolve().parents[2]


def inside(yard: Yard, name: str) -> str:
    graph = graph_of(inside=Inside(name=name))
    return yard.blob(yard.build(graph), "inside").read_text()


def test_a_forked_process_is_like_a_fresh_one(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    forked = inside(yard, "forked")
    monkeypatch.setattr(Parents, "get", _none)
    assert inside(yard, "cold") == forked
    assert '"threads": 1' in forked
    assert '"session": true' in forked


def _none(self: Parents, family: object, path: object) -> None:
    from edgebuild.engine.process.parents import NoParentError

    raise NoParentError("not today")


def test_forking_costs_less_than_half_of_starting(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def spent(names: str) -> float:
        graph = graph_of(**{name: Say(text=name) for name in names})
        began = time.perf_counter()
        yard.build(graph, jobs=1)
        return time.perf_counter() - began

    spent("xy")
    forked = spent("abcdefghijklmnopqrst")
    monkeypatch.setattr(Parents, "get", _none)
    assert forked < 0.5 * spent("ABCDEFGHIJKLMNOPQRST")


def test_a_parent_has_run_nothing_and_ends_with_the_build(yard: Yard) -> None:
    graph = graph_of(a=Say(text="a"), b=Say(text="b"))
    with build(graph, yard.store, Options(jobs=2)) as results:
        (parent,) = results._crew._executor.processes.parents._parents.values()
        number = parent.process.pid
        tasks = list(Path(f"/proc/{number}/task").iterdir())
        assert len(tasks) == 1
        assert not Path(f"/proc/{number}/task/{number}/children").read_text().split()
    assert parent.process.poll() is not None


def test_one_that_crashes_hangs_or_shouts_leaves_the_others_alone(yard: Yard) -> None:
    graph = graph_of(
        crash=Crash(),
        hang=Hang(note=str(yard.folder / "note")),
        loud=Chatter(megabytes=50),
        **{name: Say(text=name) for name in "abcdef"},
    )
    results = yard.build(graph, keep_going=True)
    failed = {failure.label: failure.problems[0].what for failure in results.failures}
    assert set(failed) == {"crash", "hang"}
    assert "SIGSEGV" in failed["crash"]
    assert "time-out" in failed["hang"]
    assert (yard.store.root / "logs").stat().st_size < 1 << 20


def test_a_step_that_takes_all_memory_is_ended_by_name(yard: Yard) -> None:
    graph = graph_of(swell=Swell(megabytes=2000), say=Say(text="x"))
    results = yard.build(graph, memory=300_000_000, keep_going=True)
    (failure,) = results.failures
    assert failure.label == "swell"
    assert "needed more memory than there is (0.3 GB)" in failure.problems[0].what
    assert results.built(graph.wanted["say"])


def test_steps_that_would_not_fit_together_run_one_after_the_other(yard: Yard, tmp_path: Path) -> None:
    kind = Traced.kind()
    graph = graph_of(**{name: Traced(trace=str(tmp_path / "t"), name=name, seconds=0.2) for name in "abc"})
    yard.store.rows.run("INSERT OR REPLACE INTO peaks VALUES (?, ?)", kind, 200_000_000)
    most = 0
    running: set[str] = set()

    class Counting(Log):
        def started(self, step_id: str) -> None:
            nonlocal most
            running.add(step_id)
            most = max(most, len(running))

        def finished(self, step_id: str, outcome: object, seconds: float, cached: bool) -> None:
            running.discard(step_id)

    log = Counting(graph)
    assert yard.build(graph, log, memory=300_000_000, jobs=3).exit_code == 0
    assert most == 1
    # What they really took was learned, and is far less.
    (learned,) = yard.store.rows.one("SELECT bytes FROM peaks WHERE step = ?", kind) or (0,)
    assert 10_000_000 < learned < 200_000_000


def test_memory_is_told_by_the_machine_and_by_the_group(tmp_path: Path) -> None:
    free, whole = available_bytes(), total_bytes()
    assert free is not None and whole is not None and 0 < free < whole
    assert resident_bytes(kin(os.getpid())) > 10_000_000
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 6000000 kB\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("1000000000\n")
    (tmp_path / "sys/fs/cgroup/memory.current").write_text("400000000\n")
    assert available_bytes(tmp_path) == int(600_000_000 * 0.95)
    assert total_bytes(tmp_path) == 1_000_000_000
    assert available_bytes(tmp_path / "nowhere") is None


def test_after_two_crashes_a_step_is_not_run_again_until_asked(yard: Yard, tmp_path: Path) -> None:
    trace, cure = tmp_path / "trace", tmp_path / "cure"
    graph = graph_of(once=Once(trace=str(trace), cure=str(cure)))
    for _ in range(4):
        results = yard.build(graph)
        assert results.exit_code == 5
    assert len(trace.read_text().split()) == 2
    (failure,) = results.failures
    assert "It did so 2 times" in failure.problems[0].what
    assert "--retry" in failure.problems[0].fix
    assert "the last words" in failure.details
    cure.write_text("")
    assert yard.build(graph, retry=True).exit_code == 0
    assert yard.build(graph).ran == 0
    assert yard.store.rows.one("SELECT count(*) FROM crashes") == (0,)


def test_a_remembered_crash_expires_and_depends_on_limits(
    yard: Yard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace"
    graph = graph_of(once=Once(trace=str(trace), cure=str(tmp_path / "cure")))
    for _ in range(3):
        yard.build(graph)
    assert len(trace.read_text().split()) == 2
    yard.store.rows.run("UPDATE crashes SET created = created - 8 * 86400")
    yard.build(graph)
    assert len(trace.read_text().split()) == 3
    yard.build(graph)
    monkeypatch.setattr(Once, "timeout_s", 99.0)
    yard.build(graph)
    assert len(trace.read_text().split()) == 5
    assert isinstance(yard.build(graph).outcome(next(iter(graph.steps))), Failed)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_build_that_is_asked_to_end_keeps_what_is_finished(number: int, code: int, tmp_path: Path) -> None:
    trace, store = tmp_path / "trace", tmp_path / "store"
    program = (
        "import sys; from edgebuild.cli import main as cli; import types\n"
        "from tests.engine import together\n"
        "fake = types.ModuleType('edgebuild.cli.build'); fake.__doc__ = 'x'\n"
        "fake.arguments = lambda parser: None\n"
        "fake.run = lambda args: together.main()\n"
        "sys.modules['edgebuild.cli.build'] = fake\n"
        f"sys.argv = ['x', {str(store)!r}, {str(trace)!r}, '0.15']\n"
        "sys.exit(cli.main(['build']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not trace.exists() or len(trace.read_text().split()) < 4:
        time.sleep(0.02)
        assert process.poll() is None
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert "what is finished is kept" in err
    assert time.monotonic() - began < 8
    done = len(trace.read_text().split())
    again = subprocess.run(
        [sys.executable, "-m", "tests.engine.together", str(store), str(trace), "0.15"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert again.stdout.split()[2] == "0"
    # Those that ran when it was asked to end, two at most, ran twice.
    assert len(trace.read_text().split()) <= 25 + 2
    assert done >= 4


def test_with_the_engine_killed_nothing_goes_on(tmp_path: Path) -> None:
    program = (
        "from edgebuild.engine.build import build; from edgebuild.engine.store import Store; from pathlib import Path\n"
        "from tests.engine.conftest import graph_of; from tests.engine.steps import Traced\n"
        f"step = Traced(trace={str(tmp_path / 'trace')!r}, name='long', seconds=60)\n"
        f"build(graph_of(long=step), Store(Path({str(tmp_path / 'store')!r})))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    while not (tmp_path / "trace").exists():
        time.sleep(0.02)
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    until = time.monotonic() + 5
    while _using(str(tmp_path)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _using(str(tmp_path))


def _using(folder: str) -> list[str]:
    """Processes whose current folder lies in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "cwd").readlink()).startswith(folder):
                found.append(process.name)
        except OSError:
            continue
    return found


def test_an_interrupted_search_of_parents_starts_anew(yard: Yard) -> None:
    """A parent that dies is replaced: the next step is forked from another."""
    graph = Graph()
    graph.want("a", graph.add(Say(text="a"), "a"))
    parents = Parents()
    first = parents.get((), [str(ROOT)])
    first.process.kill()
    first.process.wait()
    second = parents.get((), [str(ROOT)])
    assert second.process.poll() is None
    parents.close()
    assert second.process.poll() is not None


@pytest.mark.parametrize("damage", ["created = created + 864000", "times = 'many'", "created = 'never'"])
def test_a_crash_of_a_clock_ahead_or_of_a_damaged_row_is_not_remembered(
    damage: str, yard: Yard, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    graph = graph_of(once=Once(trace=str(trace), cure=str(tmp_path / "cure")))
    for _ in range(3):
        yard.build(graph)
    yard.store.rows.run(f"UPDATE crashes SET {damage}")
    assert yard.build(graph).exit_code == 5
    assert len(trace.read_text().split()) == 3


def test_peaks_that_a_disk_damaged_are_not_believed(yard: Yard) -> None:
    yard.store.rows.run("INSERT INTO peaks VALUES (?, 'much')", Say.kind())
    assert yard.build(graph_of(a=Say(text="a"))).exit_code == 0
