"""Steps that run steps: stored one by one, found again, refused and failed by name, and gone on with after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from edgebuild.compress.search.front import TakeSlot, read_front
from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.outcomes import Built, Declined
from edgebuild.engine.store import Store
from tests.engine.conftest import Yard, damage
from tests.engine.rough import DrawSearch, FlakySearch
from tests.engine.steps import Say, Search

ROOT = Path(__file__).resolve().parents[2]


def searching(trace: Path, *numbers: int, seconds: float = 0.0, slots: int = 3) -> Graph:
    """A search, and the slots that a plan takes of its front."""
    graph = Graph()
    base = graph.add(Say(text="1000"), "base")
    front = graph.add(Search(trace=str(trace), numbers=numbers, base=base, seconds=seconds), "search")
    graph.want("front", front)
    for number in range(slots):
        graph.want(f"slot {number}", graph.add(TakeSlot(front=front, number=number, name="n.txt"), f"slot {number}"))
    return graph


def ran(trace: Path) -> list[str]:
    return trace.read_text().split() if trace.exists() else []


def test_trials_are_stored_and_a_longer_search_runs_only_what_is_new(yard: Yard, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    assert yard.build(searching(trace, 1, 2, 3)).exit_code == 0
    assert ran(trace) == ["1", "2", "3"]
    assert yard.build(searching(trace, 1, 2, 3)).ran == 0
    results = yard.build(searching(trace, 1, 2, 3, 4, 5))
    assert results.exit_code == 0
    assert ran(trace) == ["1", "2", "3", "4", "5"]
    assert yard.blob(results, "slot 0").read_text() == "1025"


def test_slots_beyond_the_front_are_refused_with_its_length(yard: Yard, tmp_path: Path) -> None:
    results = yard.build(searching(tmp_path / "trace", 5, 6))
    kinds = [type(results.outcome(results.graph.wanted[f"slot {number}"].id)) for number in range(3)]
    assert kinds == [Built, Built, Declined]
    refusal = results.refusal(results.graph.wanted["slot 2"])
    assert refusal is not None and refusal.why == "It ended with 2 finalists."
    assert results.exit_code == 0


def test_a_trial_that_is_refused_or_crashes_is_no_end_of_the_search(yard: Yard, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with build(searching(trace, 13, 14, 2), yard.store, Options(jobs=2)) as results:
        assert results.exit_code == 0
        front = read_front(results.path(results.graph.wanted["front"]))
    assert [member["words"] for member in front] == ["number 2"]
    # The refusal is a result and is found again; the crash is none.
    yard.build(searching(trace, 13, 2))
    assert ran(trace) == ["13", "14", "2"]


def test_a_killed_search_goes_on_where_it_was(tmp_path: Path) -> None:
    trace, store = tmp_path / "trace", tmp_path / "store"
    code = (
        "from pathlib import Path; from edgebuild.engine.build import build; from edgebuild.engine.store import Store\n"
        "from tests.engine.test_trials import searching\n"
        f"build(searching(Path({str(trace)!r}), *range(8), seconds=0.15), Store(Path({str(store)!r})))"
    )
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True)
        before = len(ran(trace))
        while len(ran(trace)) < before + 2:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    with Store(store) as opened, build(searching(trace, *range(8), seconds=0.15), opened) as results:
        assert results.exit_code == 0
    # Each kill cost the one trial that was running.
    assert len(ran(trace)) <= 8 + 2
    assert set(ran(trace)) == {str(number) for number in range(8)}


def test_a_trial_whose_bytes_are_lost_is_made_again(yard: Yard, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    yard.build(searching(trace, 1, 2))
    for blob in (yard.store.root / "blobs").rglob("*"):
        if blob.is_file() and blob.read_bytes() == b"1001":
            damage(blob)
    results = yard.build(searching(trace, 1, 2, 3))
    assert results.exit_code == 0
    assert ran(trace) == ["1", "2", "1", "3"]


def test_what_a_search_made_without_a_trial_that_failed_is_not_kept(yard: Yard, tmp_path: Path) -> None:
    def found() -> tuple[int, str, int]:
        graph = Graph()
        base = graph.add(Say(text="base"), "base")
        graph.want("found", graph.add(FlakySearch(cure=str(tmp_path / "cure"), base=base), "search"))
        results = yard.build(graph)
        return results.exit_code, yard.blob(results, "found").read_text(), results.ran

    assert found() == (0, "1,3", 2)
    (tmp_path / "cure").write_text("")
    assert found() == (0, "1,2,3", 1)
    assert found() == (0, "1,2,3", 0)


def test_a_trial_that_comes_out_differently_when_it_is_made_again_is_adopted(yard: Yard) -> None:
    def drawn(seed: int) -> str:
        graph = Graph()
        base = graph.add(Say(text="base"), "base")
        graph.want("drawn", graph.add(DrawSearch(base=base, seed=seed), "search"))
        results = yard.build(graph)
        assert results.exit_code == 0, results.problems()
        return yard.blob(results, "drawn").read_text()

    first = drawn(0)
    (digest,) = yard.store.rows.one("SELECT digest FROM actions WHERE step LIKE '%:Draw'") or ("",)
    yard.store.blobs.drop(digest)
    second = drawn(1)
    assert second.split()[1] != first.split()[1]
    assert drawn(2).split()[1] == second.split()[1]
