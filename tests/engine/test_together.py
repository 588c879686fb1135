"""Several builds at once, and builds that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from edgebuild.engine.leases import Holder, Lease, Leases, measuring
from edgebuild.engine.store import Store
from edgebuild.engine.store.blobs import file_digest
from edgebuild.engine.store.rows import open_rows

ROOT = Path(__file__).resolve().parents[2]


def start(store: Path, trace: Path, seconds: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.engine.together", str(store), str(trace), str(seconds)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def ended(process: subprocess.Popen[str]) -> tuple[str, int, int]:
    """Digest, steps that ran, exit code."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    digest, ran, code = out.split()
    return digest, int(ran), int(code)


def check_store(folder: Path) -> None:
    """Every blob has the bytes of its name; every row that has bytes has whole ones."""
    for blob in (folder / "blobs").rglob("*"):
        if blob.is_file():
            assert file_digest(blob) == f"sha256:{blob.name}"
    with Store(folder) as store:
        assert store.rows.one("PRAGMA integrity_check") == ("ok",)
        for (digest,) in store.rows.all("SELECT digest FROM actions WHERE outcome = 'built'"):
            assert store.verify(digest), digest


def test_eight_builds_at_once_on_an_empty_store_run_each_step_once(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    found = [ended(process) for process in [start(tmp_path / "store", trace, 0.05) for _ in range(8)]]
    assert len({digest for digest, _, _ in found}) == 1
    assert {code for _, _, code in found} == {0}
    counts = Counter(trace.read_text().split())
    assert len(counts) == 25
    assert set(counts.values()) == {1}, counts
    assert sum(ran for _, ran, _ in found) == 29
    check_store(tmp_path / "store")
    assert not list((tmp_path / "store" / "leases").iterdir())


def kills(folder: Path, count: int) -> None:
    """Build, kill, and build on, as often as `count`; then nothing that was finished is made again."""
    random.seed(7)
    trace, store = folder / "trace", folder / "store"
    for _ in range(count):
        process = start(store, trace)
        time.sleep(random.uniform(0.1, 1.2))
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.communicate()
        done = finished(store)
        last = start(store, trace)
        time.sleep(random.uniform(0.0, 0.3))
        os.killpg(last.pid, signal.SIGKILL) if last.poll() is None else None
        last.communicate()
        assert done <= finished(store), "a finished step was lost"
        if random.random() < 0.3:
            check_store(store)
    assert ended(start(store, trace))[2] == 0
    assert ended(start(store, trace))[1] == 0
    check_store(store)


def finished(store: Path) -> set[tuple[str, str]]:
    """Rows: key and digest."""
    if not (store / "rows.sqlite").exists():
        return set()
    with Store(store) as opened:
        return {(str(key), str(digest)) for key, digest in opened.rows.all("SELECT key, digest FROM actions")}


def test_killed_at_random_moments_nothing_that_was_finished_is_lost(tmp_path: Path) -> None:
    kills(tmp_path, 6)


@pytest.mark.slow
def test_killed_at_random_moments_a_hundred_times(tmp_path: Path) -> None:
    kills(tmp_path, 50)


def test_a_lease_is_held_by_one_and_ends_with_its_process(tmp_path: Path) -> None:
    ours = Leases(tmp_path / "leases")
    lease = ours.attempt("k", "digits: quantize")
    assert isinstance(lease, Lease)
    holder = Leases(tmp_path / "leases").attempt("k", "the same")
    assert isinstance(holder, Holder)
    assert (holder.process, holder.what) == (os.getpid(), "digits: quantize")
    assert str(os.getpid()) in holder.words()
    lease.release()
    code = (
        "import os, sys; from pathlib import Path; from edgebuild.engine.leases import Leases\n"
        f"Leases(Path({str(tmp_path / 'leases')!r})).attempt('k', 'x'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    again = ours.attempt("k", "y")
    assert isinstance(again, Lease)
    again.release()
    assert not list((tmp_path / "leases").iterdir())


def test_measuring_excludes_other_processes(tmp_path: Path) -> None:
    code = (
        "import time; from edgebuild.engine.leases import measuring\n"
        "with measuring('x'):\n    print('in', flush=True); time.sleep(0.6)\nprint('out', flush=True)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "in\n"
    began = time.monotonic()
    with measuring("y"):
        assert time.monotonic() - began > 0.3
    assert other.communicate()[0] == "out\n"


def test_sixteen_processes_make_one_table(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from edgebuild.engine.store.rows import open_rows\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "rows, note = open_rows(Path(sys.argv[1])); assert not note, note\n"
        "rows.run('INSERT INTO workspaces VALUES (?, 0)', sys.argv[3])"
    )
    for turn in range(3):
        path, at = tmp_path / f"{turn}.sqlite", str(time.time() + 2)
        command = [sys.executable, "-c", code, str(path), at]
        opened = [subprocess.Popen([*command, str(i)], cwd=ROOT, stderr=subprocess.PIPE, text=True) for i in range(16)]
        assert [process.communicate(timeout=60)[1] for process in opened] == [""] * 16
        assert open_rows(path)[0].one("SELECT count(*) FROM workspaces") == (16,), "what one wrote, another dropped"
