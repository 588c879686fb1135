"""Who waits for whom: every wait is told, ends, and costs nobody anything but time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.core.wires import Artifact
from edgebuild.engine.build import Options, build
from edgebuild.engine.failing import _end_words
from edgebuild.engine.leases import HOST_LOCK, Holder, Lease, Leases, measuring
from edgebuild.engine.store import Store
from tests.engine.conftest import Log, Yard
from tests.engine.rough import AloneSearch, AloneTrial, Long, Patient, SlowDraw
from tests.engine.steps import Join, Say

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of our own, so that nobody else's measurements are in the way."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def program(store: Path, step: str) -> subprocess.Popen[str]:
    """Another build of one step that reads `base`."""
    code = (
        "from pathlib import Path; from edgebuild.core.graph import Graph; from edgebuild.engine.build import build\n"
        "from edgebuild.engine.store import Store; from tests.engine.rough import *\n"
        "from tests.engine.steps import Say\n"
        f"g = Graph(); base = g.add(Say(text='base'), 'base'); g.want('x', g.add({step}, 'the other'))\n"
        f"with build(g, Store(Path({str(store)!r}))) as r: print(r.exit_code, r.ran)"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def reading(make: type[Patient] | type[AloneTrial] | type[Long], **fields: str) -> Graph:
    graph = Graph()
    base: Artifact = graph.add(Say(text="base"), "base")
    graph.want("x", graph.add(make(base=base, **fields), "ours"))  # type: ignore[arg-type]
    return graph


def until(there: Path) -> None:
    while not there.exists():
        time.sleep(0.02)


def test_two_builds_that_measure_one_thing_as_a_step_and_as_a_trial_both_end(yard: Yard, tmp_path: Path) -> None:
    trace, note = tmp_path / "trace", tmp_path / "note"
    fields = f"base=base, trace={str(trace)!r}, note={str(note)!r}"
    other = program(yard.store.root, f"AloneSearch({fields})")
    until(note)
    graph = reading(AloneTrial, trace=str(trace))
    log = Log(graph)
    assert yard.build(graph, log).exit_code == 0
    assert other.communicate(timeout=30)[0].split()[0] == "0"
    assert trace.read_text().split() == ["trial"], "measured twice"
    ((label, why),) = log.waited
    assert label == "ours" and f"process {other.pid}" in why and "measures `the other`" in why
    assert AloneSearch


def test_time_that_a_search_waits_for_another_build_is_not_its_own(yard: Yard, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    other = program(yard.store.root, f"Long(base=base, trace={str(trace)!r})")
    until(trace)
    graph = reading(Patient, trace=str(trace))
    log = Log(graph)
    results = yard.build(graph, log)
    assert results.exit_code == 0, results.problems()
    assert trace.read_text().split() == ["long"]
    ((label, why),) = log.waited
    assert label == "ours" and "ours: Long is made by process" in why
    assert other.communicate()[0].split()[0] == "0"


def test_one_that_another_build_makes_is_told_with_who_makes_it(yard: Yard, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    other = program(yard.store.root, f"Long(base=base, trace={str(trace)!r})")
    until(trace)
    graph = reading(Long, trace=str(trace))
    log = Log(graph)
    assert yard.build(graph, log).ran == 0
    ((label, why),) = log.waited
    assert label == "ours" and f"made by process {other.pid}" in why
    other.communicate()


def joined(folder: Path, separator: str) -> tuple[str, str, int]:
    """Random bytes as they are exported and as a reader saw them, and how many steps ran."""
    graph = Graph()
    draw = graph.add(SlowDraw(), "draw")
    graph.want("draw", draw)
    graph.want("join", graph.add(Join(sources=(draw, draw), separator=separator), "join"))
    with Store(folder) as store, build(graph, store, Options(jobs=2, workspace=separator)) as results:
        texts = [results.path(results.graph.wanted[name]).read_text() for name in ("draw", "join")]
        return texts[0], texts[1].split(separator)[0], results.ran


def test_two_builds_that_make_lost_bytes_again_end_with_the_same(tmp_path: Path) -> None:
    first = joined(tmp_path / "store", "x")[0]
    with Store(tmp_path / "store") as store:
        (digest,) = store.rows.one("SELECT digest FROM actions WHERE step LIKE '%:SlowDraw'") or ("",)
        store.blobs.drop(digest)
    code = (
        "import sys; from pathlib import Path\n"
        "from tests.engine.test_waits import joined; print(*joined(Path(sys.argv[1]), sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    both = [subprocess.Popen([*command, word], cwd=ROOT, stdout=subprocess.PIPE, text=True) for word in "yz"]
    found = [process.communicate(timeout=60)[0].split() for process in both]
    drawn = {text for exported, read, _ in found for text in (exported, read)}
    assert len(drawn) == 1 and first not in drawn, found
    assert joined(tmp_path / "store", "y") == (found[0][0], found[0][0], 0)


# -- the lock of a host ----------------------------------------------------------------------------------------------


def test_whoever_waits_to_measure_hears_of_it_once() -> None:
    code = (
        "import time; from edgebuild.engine.leases import measuring\n"
        "with measuring('x'): print('in', flush=True); time.sleep(0.7)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "in\n"
    heard: list[Holder] = []
    with measuring("y", heard.append):
        assert [(holder.process, holder.what) for holder in heard] == [(other.pid, "x")]
    other.communicate()


@pytest.mark.skipif(os.getuid() != 0, reason="becoming another user takes root")
@pytest.mark.parametrize("mode", [0o666, 0o644])
def test_users_of_one_host_exclude_each_other(mode: int, own_host: Path) -> None:
    lock = own_host / HOST_LOCK
    with measuring("x"):
        assert lock.stat().st_mode & 0o777 == 0o666
        lock.chmod(mode)
        own_host.chmod(0o1777)
        for folder in own_host.parents:
            folder.chmod(folder.stat().st_mode | 0o011)
        code = (
            "import os, fcntl; from edgebuild.engine import leases\n"
            "os.setgid(65534); os.setuid(65534)\n"
            "descriptor = leases._host_lock(); assert descriptor is not None\n"
            "try: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB); print('free')\n"
            "except BlockingIOError: print('taken')"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.stdout == "taken\n", done.stderr


def test_a_link_in_the_place_of_the_lock_is_not_followed(own_host: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (own_host / HOST_LOCK).symlink_to(victim)
    with measuring("x"):
        pass
    assert victim.read_text() == "precious"


def test_a_lock_whose_file_was_cleaned_away_is_taken_anew(own_host: Path) -> None:
    lock = own_host / HOST_LOCK
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
    with measuring("x"):
        assert lock.stat().st_ino == os.fstat(descriptor).st_ino
    os.close(descriptor)
    lock.unlink()
    with measuring("y"):
        assert b'"y"' in lock.read_bytes()


def test_words_of_a_holder_are_whole_whatever_stood_there_before(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from edgebuild.engine.leases import Leases\n"
        f"Leases(Path({str(tmp_path / 'l')!r})).attempt('k', 'a long label' * 20); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    leases = Leases(tmp_path / "l")
    lease = leases.attempt("k", "short")
    assert isinstance(lease, Lease)
    holder = leases.attempt("k", "x")
    assert isinstance(holder, Holder) and holder.what == "short"
    (tmp_path / "l" / "k").write_text("no JSON")
    nobody = leases.attempt("k", "x")
    assert isinstance(nobody, Holder) and nobody.words() == "another process"
    lease.release()


def test_signals_without_a_name_are_told_by_number() -> None:
    assert "SIGSEGV" in _end_words(-signal.SIGSEGV)
    assert "signal 40" in _end_words(-40)


def test_an_interrupt_is_heard_while_another_process_holds_the_table(tmp_path: Path) -> None:
    import sqlite3

    with Store(tmp_path / "store"):
        pass
    other = sqlite3.connect(tmp_path / "store" / "rows.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    code = (
        "import sys; from pathlib import Path; from edgebuild.engine.store import Store\n"
        "store = Store(Path(sys.argv[1])); print('in', flush=True)\n"
        "store.rows.run(\"INSERT INTO workspaces VALUES ('x', 0)\")"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "store")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "in\n"
    time.sleep(0.5)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)
    assert time.monotonic() - began < 5
    other.execute("ROLLBACK")
    other.close()
