"""Refusals, crashes and mistakes: what is stored, what flows, what stops."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.outcomes import Declined, Failed, Unmet
from edgebuild.engine.process.log import LOG_HALF
from edgebuild.engine.store import Store
from edgebuild.errors import StepError
from tests.engine.conftest import Log, Yard, graph_of
from tests.engine.steps import (
    Big,
    Chatter,
    Complain,
    Crash,
    Decline,
    Doze,
    Gather,
    Hang,
    Hungry,
    Needs,
    Nothing,
    Say,
    Split,
    Stumble,
    Upper,
)


def gather(**steps: object) -> Graph:
    """Each step, a reader of its `Artifact`, and one reader of all their attempts and itself."""
    graph = Graph()
    wires = []
    for name, step in steps.items():
        wire = graph.add(step, name)  # type: ignore[arg-type]
        wires += [wire.attempt(), graph.add(Upper(source=wire), f"upper {name}").attempt()]
    graph.want("gathered", graph.add(Gather(attempts=tuple(wires)), "gathered"))
    return graph


def test_a_refusal_flows_to_who_can_do_without_and_is_cached(yard: Yard, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    graph = gather(good=Say(text="a"), bad=Decline(why="no such op", trace=str(trace)))
    results = yard.build(graph)
    assert results.exit_code == 0
    refusal = {"kind": "rejected", "by": "a tool 1.0", "why": "no such op", "fix": "give it something else"}
    assert json.loads(yard.blob(results, "gathered").read_text()) == ["a", "A", refusal, refusal]
    again = yard.build(graph)
    assert (again.ran, again.hits) == (0, 5)
    assert trace.read_text() == "ran\n"
    upper = next(step_id for step_id in graph.steps if graph.label(step_id) == "upper bad")
    outcome = again.outcome(upper)
    assert isinstance(outcome, Declined)
    assert outcome.inherited
    assert again.refusal(graph.steps[upper].out()) == outcome.refusal


def test_a_refusal_for_this_build_only_is_asked_again(yard: Yard, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    graph = gather(good=Say(text="a"), bad=Decline(why="no network", trace=str(trace), now=True))
    refusal = {"kind": "rejected", "by": "a tool 1.0", "why": "no network", "fix": "give it something else"}
    for _ in range(2):
        results = yard.build(graph)
        assert json.loads(yard.blob(results, "gathered").read_text()) == ["a", "A", refusal, refusal]
    assert trace.read_text() == "ran\n" * 2


def test_a_crash_is_seen_as_a_failed_refusal_and_never_stored(yard: Yard) -> None:
    graph = gather(good=Say(text="a"), bad=Crash())
    results = yard.build(graph)
    good, upper, crash, inherited = json.loads(yard.blob(results, "gathered").read_text())
    assert (good, upper) == ("a", "A")
    assert (crash["kind"], crash["by"]) == ("failed", "Crash")
    assert "SIGSEGV" in crash["why"]
    assert inherited == crash
    assert [failed.label for failed in results.failures] == ["bad"]
    # Every wanted output is there: the engine has no reason to fail the build.
    assert results.exit_code == 0
    # It is tried again; the reader's key holds the failure, so its output of now is not a later truth.
    assert yard.ran(graph) == ["bad"]


def test_what_was_made_of_a_crash_is_not_found_once_the_crash_is_gone(yard: Yard) -> None:
    flag = yard.folder / "flag"
    graph = Graph()
    wire = graph.add(Hungry(flag=str(flag)), "hungry")
    graph.want("gathered", graph.add(Gather(attempts=(wire.attempt(),)), "gathered"))
    first = yard.build(graph)
    assert (
        json.loads(yard.blob(first, "gathered").read_text())[0]["why"] == "The step needed more memory than there is."
    )
    flag.write_text("enough")
    assert json.loads(yard.blob(yard.build(graph), "gathered").read_text()) == ["fed"]


def test_a_crash_that_a_wanted_output_needs_is_exit_5(yard: Yard) -> None:
    graph = Graph()
    graph.want("upper", graph.add(Upper(source=graph.add(Crash(after="the last words"), "crash")), "upper"))
    results = yard.build(graph)
    assert results.exit_code == 5
    failed = results.failures[0]
    assert "SIGSEGV" in failed.problems[0].what
    assert failed.details == "the last words"
    assert Path(failed.problems[0].fix.removeprefix("Its log: ")).read_text() == "the last words\n"


def test_a_mistake_of_the_user_stops_all_who_read_it_with_every_problem(yard: Yard) -> None:
    graph = gather(good=Say(text="a"), bad=Complain())
    results = yard.build(graph, keep_going=True)
    assert results.exit_code == 2
    first, second = results.problems()
    assert first.what == "labels go to 12, the model has 10 classes 2 steps that read it were not started."
    assert (first.where, first.fix, second.where) == ("data", "Give `labels:`.", "x")
    gathered = results.outcome(graph.wanted["gathered"].id)
    assert gathered == Unmet((results.failures[0].step_id,))
    with pytest.raises(StepError, match="was not made"):
        results.digest(graph.wanted["gathered"])


def test_an_exception_of_ours_is_exit_70_with_its_traceback(yard: Yard) -> None:
    results = yard.build(gather(bad=Stumble()))
    assert results.exit_code == 70
    assert "ZeroDivisionError: a bug of ours" in results.problems()[0].what
    assert "steps.py" in results.failures[0].details


def test_a_step_that_writes_nothing_is_our_bug(yard: Yard) -> None:
    results = yard.build(graph_of(nothing=Nothing()))
    assert results.exit_code == 70
    assert "without writing `nothing.txt`" in results.problems()[0].what


def test_a_member_that_the_folder_lacks_is_our_bug(yard: Yard) -> None:
    graph = Graph()
    folder = graph.add(Split(left="l", right="r"), "split")
    graph.want("upper", graph.add(Upper(source=folder / "middle.txt"), "upper"))
    results = yard.build(graph)
    assert results.exit_code == 70
    assert "the output of split holds no `middle.txt`" in results.problems()[0].what


def test_a_missing_tool_is_exit_4_with_the_command_and_no_process(yard: Yard) -> None:
    results = yard.build(graph_of(needs=Needs()))
    assert (results.exit_code, results.ran) == (4, 0)
    assert results.problems()[0].fix == "pip install no-such-distribution"


def test_keep_going_runs_the_siblings_and_stopping_does_not(yard: Yard) -> None:
    def graph() -> Graph:
        graph = graph_of(bad=Complain(), **{f"d{number}": Doze(name=str(number), seconds=0.1) for number in range(4)})
        graph.want("after", graph.add(Upper(source=graph.wanted["bad"]), "after"))
        return graph

    stopped = yard.build(graph(), jobs=1)
    assert (stopped.ran, stopped.exit_code) == (1, 2)
    assert isinstance(stopped.outcome(graph().wanted["d3"].id), Unmet)
    going = yard.build(graph(), jobs=1, keep_going=True)
    assert (going.ran, going.exit_code) == (5, 2)
    assert yard.ran(graph(), keep_going=True) == ["bad"]


def test_the_worst_of_several_failures_is_the_exit_code(yard: Yard) -> None:
    results = yard.build(graph_of(bug=Stumble(), crash=Crash(), tool=Needs()), keep_going=True)
    assert results.exit_code == 70
    results = yard.build(graph_of(bug=Stumble(), user=Complain()), keep_going=True)
    assert results.exit_code == 2


def test_a_time_out_ends_the_whole_group(yard: Yard) -> None:
    note = yard.folder / "pid"
    began = time.monotonic()
    graph = graph_of(hang=Hang(note=str(note)))
    results = yard.build(graph)
    # 1 s of time-out; the step itself goes at once, what it left behind with it.
    assert time.monotonic() - began < 5
    assert results.exit_code == 5
    assert "ended after 1 s, its time-out" in results.problems()[0].what
    grandchild = int(note.read_text())
    deadline = time.monotonic() + 5
    while is_alive(grandchild):
        assert time.monotonic() < deadline, "the grandchild lives on"
        time.sleep(0.02)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def test_a_big_log_is_kept_by_its_ends(yard: Yard) -> None:
    graph = graph_of(chatter=Chatter(megabytes=20))
    yard.build(graph)
    (log,) = (yard.store.root / "logs").iterdir()
    text = log.read_bytes()
    assert text.startswith(b"the beginning\n")
    assert text.endswith(b"\nthe end\n")
    assert b"bytes left out" in text
    assert len(text) < 2 * LOG_HALF + 100


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB; needs the right to mount, which a container's root has."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(place)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_one_problem_and_leaves_the_store_intact(small_disk: Path) -> None:
    with Store(small_disk / "store") as store:
        graph = graph_of(small=Say(text="a"), big=Big(megabytes=8), later=Say(text="later"))
        with build(graph, store, Options(jobs=1, keep_going=True)) as results:
            assert results.exit_code == 5
            (problem,) = results.problems()
            assert "has no room" in problem.what
            assert problem.where == str(store.root)
            assert isinstance(results.outcome(graph.wanted["later"].id), Unmet)
        assert store.rows.one("PRAGMA integrity_check") == ("ok",)
        with build(graph_of(small=Say(text="a")), store, Options()) as again:
            assert (again.ran, again.exit_code) == (0, 0)


def test_a_store_on_a_read_only_disk_is_a_problem(small_disk: Path) -> None:
    Store(small_disk / "store").close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StepError, match=r"cannot be written.*\n.*--store"):
        Store(small_disk / "store")
    with pytest.raises(StepError, match="cannot be written"):
        Store(small_disk / "other")


def test_a_damaged_table_is_set_aside_and_the_files_are_used_again(yard: Yard) -> None:
    graph = graph_of(say=Say(text="a"))
    yard.build(graph)
    yard.store.close()
    table = yard.store.root / "rows.sqlite"
    table.write_bytes(b"this is no database, and long enough to be read as one: " * 100)
    with Store(yard.store.root) as store, build(graph, store, Options()) as results:
        assert "was damaged and is set aside" in store.notes[0]
        assert (results.ran, results.exit_code) == (1, 0)
    with Store(yard.store.root) as store:
        assert store.notes == []


def test_the_watcher_hears_of_failures_and_of_what_they_stop(yard: Yard) -> None:
    graph = Graph()
    graph.want("upper", graph.add(Upper(source=graph.add(Complain(), "bad")), "upper"))
    log = Log(graph)
    yard.build(graph, log)
    yard.build(graph, log, keep_going=True)
    assert isinstance(log.ended["bad"][0], Failed)
    assert isinstance(log.ended["upper"][0], Unmet)


def test_a_failure_says_nothing_of_the_step_before_in_its_log(yard: Yard) -> None:
    results = yard.build(graph_of(crash=Crash(after="\x1b[31mred\x07 words")))
    assert results.failures[0].details == "[31mred words"
    assert next((yard.store.root / "logs").iterdir()).stat().st_size < 100
