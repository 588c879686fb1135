"""What a build runs, and what it leaves alone."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.outcomes import Built
from edgebuild.engine.store import Store
from tests.engine.conftest import Log, Yard, damage, graph_of
from tests.engine.steps import (
    CountAlone,
    Doze,
    DozeAlone,
    Environment,
    Facts,
    Join,
    Liar,
    Noise,
    Say,
    Split,
    Spoil,
    Stamp,
    Upper,
)


def cone(text: str = "a", separator: str = "+") -> Graph:
    """first → upper ┐
    other ─────────┴→ joined"""
    graph = Graph()
    upper = graph.add(Upper(source=graph.add(Say(text=text), "first")), "upper")
    other = graph.add(Say(text="other"), "other")
    graph.want("joined", graph.add(Join(sources=(upper, other), separator=separator), "joined"))
    return graph


def test_first_build_runs_all_and_the_second_nothing(yard: Yard) -> None:
    graph = cone()
    first = yard.build(graph)
    assert (first.ran, first.hits, first.exit_code) == (4, 0, 0)
    second = yard.build(graph)
    assert (second.ran, second.hits, second.exit_code) == (0, 4, 0)
    assert yard.blob(second, "joined").read_text() == "A+other"


def test_equal_bytes_stop_a_change(yard: Yard) -> None:
    yard.build(cone("a"))
    assert yard.ran(cone("A")) == ["first", "upper"]


def test_a_parameter_reruns_what_reads_it_and_its_revert_runs_nothing(yard: Yard) -> None:
    yard.build(cone("a", "+"))
    assert yard.ran(cone("b", "+")) == ["first", "joined", "upper"]
    assert yard.ran(cone("b", "-")) == ["joined"]
    assert yard.ran(cone("a", "+")) == []
    assert yard.ran(cone("b", "-")) == []


def test_only_what_is_wanted_is_built(yard: Yard) -> None:
    graph = cone()
    graph.add(Say(text="nobody reads this"), "alone")
    assert "alone" not in yard.ran(graph)


def test_a_reader_of_one_member_does_not_see_the_others(yard: Yard) -> None:
    def graph(left: str, right: str) -> Graph:
        graph = Graph()
        folder = graph.add(Split(left=left, right=right), "split")
        graph.want("upper", graph.add(Upper(source=folder / "deep/right.txt"), "upper"))
        graph.want("deep", graph.add(Upper(source=folder / "deep" / "right.txt"), "upper"))
        return graph

    results = yard.build(graph("l", "r"))
    assert yard.blob(results, "upper").read_text() == "R"
    assert yard.ran(graph("other", "r")) == ["split"]
    assert yard.ran(graph("other", "s")) == ["split", "upper"]


def test_a_step_sees_nothing_of_the_callers_environment(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("https_proxy", "http://proxy")
    monkeypatch.setenv("PYTHONSTARTUP", "x")
    graph = graph_of(environment=Environment())
    log = Log(graph)
    seen = json.loads(yard.blob(yard.build(graph, log), "environment").read_text())
    assert {"SECRET", "https_proxy", "PYTHONSTARTUP"}.isdisjoint(seen)
    assert seen["PYTHONHASHSEED"] == "0"
    assert seen["OMP_NUM_THREADS"] == "1"
    assert all(str(yard.store.root) in seen[name] for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "KERAS_HOME", "cwd"))
    assert seen["files"] == []
    assert (1, 2, "half") in log.news


def test_the_watcher_hears_every_step_once(yard: Yard) -> None:
    graph = cone()
    log = Log(graph)
    yard.build(graph, log)
    assert (log.total, sorted(log.begun)) == (4, ["first", "joined", "other", "upper"])
    assert {label: cached for label, (_, cached) in log.ended.items()} == dict.fromkeys(log.begun, False)
    again = Log(graph)
    yard.build(graph, again)
    assert again.begun == []
    assert all(cached and isinstance(outcome, Built) for outcome, cached in again.ended.values())


def test_two_jobs_run_at_once_and_a_step_that_is_alone_never_beside_another(yard: Yard) -> None:
    steps = {f"doze{number}": Doze(name=str(number), seconds=0.4) for number in range(4)}
    alone = {f"alone{number}": DozeAlone(name=f"a{number}", seconds=0.3) for number in range(2)}
    mixed = dict(zip([*steps, *alone], [*steps.values(), *alone.values()], strict=True))
    graph = graph_of(**{name: mixed[name] for name in ("doze0", "alone0", "doze1", "doze2", "alone1", "doze3")})
    results = yard.build(graph, jobs=2)
    times = {name: json.loads(yard.blob(results, name).read_text()) for name in graph.wanted}

    def overlap(one: str, two: str) -> bool:
        return times[one][0] < times[two][1] and times[two][0] < times[one][1]

    assert not any(overlap(name, other) for name in alone for other in times if other != name)
    assert overlap("doze1", "doze2")


def test_a_step_that_is_alone_is_not_starved_by_small_ones(yard: Yard) -> None:
    """Its place in the graph decides: what stands behind it waits, though there is room."""
    graph = graph_of(
        long=Doze(name="long", seconds=0.6),
        alone=DozeAlone(name="a", seconds=0.1),
        **{f"small{number}": Doze(name=f"s{number}", seconds=0.05) for number in range(4)},
    )
    log = Log(graph)
    yard.build(graph, log, jobs=2)
    assert log.begun[:2] == ["long", "alone"]


def test_an_inline_volatile_step_is_asked_in_every_build_and_equal_bytes_rerun_nothing(yard: Yard) -> None:
    place = yard.folder / "machine.txt"
    graph = Graph()
    graph.want("upper", graph.add(Upper(source=graph.add(Facts(place=str(place)), "facts")), "upper"))
    place.write_text("cpu")
    assert yard.ran(graph) == ["facts", "upper"]
    assert yard.ran(graph) == ["facts"]
    place.write_text("CPU")
    assert yard.ran(graph) == ["facts", "upper"]
    place.write_text("cpu")
    assert yard.ran(graph) == ["facts"]


def test_a_value_of_this_build_is_used_now_and_made_again_next_time(yard: Yard) -> None:
    graph = Graph()
    graph.want("upper", graph.add(Upper(source=graph.add(Noise(), "noise")), "upper"))
    results = yard.build(graph)
    noise = results.outcome(next(iter(graph.steps)))
    assert isinstance(noise, Built)
    assert noise.only_now == "contended"
    assert yard.blob(results, "upper").read_text() == "CONTENDED"
    assert yard.ran(graph) == ["noise"]


def test_two_checkouts_have_equal_keys(yard: Yard, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "facts.txt").write_text("x")

    def graph(folder: str) -> Graph:
        graph = Graph()
        facts = graph.add(Facts(place=str(tmp_path / folder / "facts.txt")), "facts")
        graph.want("upper", graph.add(Upper(source=facts), "upper"))
        return graph

    assert list(graph("one").steps) == list(graph("two").steps)
    yard.build(graph("one"))
    assert yard.ran(graph("two")) == ["facts"]


# -- damage ------------------------------------------------------------------------------------------------------------


def test_lost_bytes_that_nobody_needs_are_not_made_again(yard: Yard) -> None:
    graph = cone()
    results = yard.build(graph)
    for blob in (yard.folder / "store" / "blobs").glob("*/*"):
        if blob != yard.blob(results, "joined"):
            blob.unlink()
    assert yard.ran(graph) == []


@pytest.mark.parametrize("how", [damage, Path.unlink], ids=["damaged", "deleted"])
def test_lost_bytes_are_made_again_when_a_running_step_needs_them(yard: Yard, how: object) -> None:
    results = yard.build(cone())
    for blob in sorted((yard.folder / "store" / "blobs").glob("*/*")):
        how(blob)  # type: ignore[operator]
    # `joined` is new; its inputs and theirs are gone; each is made once, and gives the bytes its key had.
    assert yard.ran(cone(separator="-")) == ["first", "joined", "other", "upper"]
    assert yard.ran(cone(separator="-")) == []
    assert yard.build(cone()).digest(cone().wanted["joined"]) == results.digest(cone().wanted["joined"])


@pytest.mark.parametrize("how", [damage, Path.unlink], ids=["damaged", "deleted"])
def test_an_export_heals_and_leaves_downstream_untouched(yard: Yard, tmp_path: Path, how: object) -> None:
    graph = cone()
    how(yard.blob(yard.build(graph), "joined"))  # type: ignore[operator]
    with build(graph, yard.store, Options()) as results:
        assert results.ran == 0
        results.export(graph.wanted["joined"], tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "A+other"
    assert yard.ran(graph) == []


def test_a_flipped_bit_with_the_old_time_stamp_is_found_on_use(yard: Yard, tmp_path: Path) -> None:
    graph = cone()
    blob = yard.blob(yard.build(graph), "joined")
    before = blob.stat()
    damage(blob)
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))
    fresh = Store(yard.store.root)
    with build(graph, fresh, Options()) as results:
        results.export(graph.wanted["joined"], tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "A+other"


def test_lost_bytes_that_come_out_differently_rerun_their_readers(yard: Yard) -> None:
    def graph(separator: str) -> Graph:
        graph = Graph()
        stamp = graph.add(Stamp(), "stamp")
        graph.want("stamp", stamp)
        upper = graph.add(Upper(source=stamp), "upper")
        graph.want("joined", graph.add(Join(sources=(stamp, upper), separator=separator), "joined"))
        return graph

    yard.blob(yard.build(graph("+")), "stamp").unlink()
    results = yard.build(graph("-"))
    stamp = yard.blob(results, "stamp").read_text()
    assert results.exit_code == 0
    assert yard.blob(results, "joined").read_text() == f"{stamp}-{stamp}"
    assert yard.ran(graph("-")) == []


def test_a_step_that_claims_to_be_deterministic_and_is_not_is_our_bug(yard: Yard) -> None:
    def graph(separator: str) -> Graph:
        graph = Graph()
        liar = graph.add(Liar(), "liar")
        graph.want("liar", liar)
        graph.want("joined", graph.add(Join(sources=(liar,), separator=separator), "joined"))
        return graph

    yard.blob(yard.build(graph("+")), "liar").unlink()
    results = yard.build(graph("-"))
    assert results.exit_code == 70
    assert "made other bytes than before" in results.problems()[0].what


def test_a_step_that_writes_to_its_input_is_our_bug_and_the_input_heals(yard: Yard) -> None:
    graph = Graph()
    said = graph.add(Say(text="a"), "said")
    graph.want("spoilt", graph.add(Spoil(source=said), "spoil"))
    results = yard.build(graph)
    assert results.exit_code == 70
    assert "wrote to its input `text.txt`" in results.problems()[0].what
    other = graph_of(said=Say(text="a"))
    with build(other, yard.store, Options()) as healed:
        assert healed.path(other.wanted["said"]).read_text() == "a"


# -- interruptions -----------------------------------------------------------------------------------------------------

SLOW_BUILD = """
import signal, sys
# Whoever runs these tests in the background has left it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from edgebuild.engine.build import Options, build
from edgebuild.engine.store import Store
from tests.engine.conftest import graph_of
from tests.engine.steps import Doze
graph = graph_of(**{f"d{n}": Doze(name=str(n), seconds=0.25) for n in range(8)})
build(graph, Store(Path(sys.argv[1])), Options(jobs=2))
"""


def start(store: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SLOW_BUILD, str(store)], cwd=Path(__file__).parents[2])


def rows(store: Path) -> int:
    try:
        opened = Store(store)
    except Exception:
        return 0
    with opened:
        found = opened.rows.one("SELECT count(*) FROM actions")
    return int(found[0]) if found else 0


def eight() -> Graph:
    return graph_of(**{f"d{n}": Doze(name=str(n), seconds=0.25) for n in range(8)})


def wait_for(condition: object, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_killed_build_loses_only_what_was_in_flight(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    child = start(yard.store.root)
    wait_for(lambda: rows(yard.store.root) >= 3)
    child.kill()
    child.wait()
    stored = rows(yard.store.root)
    assert yard.build(eight()).ran == 8 - stored
    # Of the dead build's folder nothing is left.
    assert list((yard.store.root / "scratch").iterdir()) == []


def test_an_interrupt_ends_the_running_steps_and_keeps_the_finished(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    child = start(yard.store.root)
    wait_for(lambda: rows(yard.store.root) >= 3)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    child.wait(timeout=10)
    # Steps that end at the polite request do not make a person wait for the grace of 5 s.
    assert time.monotonic() - began < 4
    assert child.returncode != 0
    stored = rows(yard.store.root)
    assert stored >= 3
    assert yard.build(eight()).ran == 8 - stored


def build_stamps(root: Path, answers: multiprocessing.Queue[dict[str, str]]) -> None:
    graph = graph_of(**{f"s{n}": Stamp(name=str(n)) for n in range(6)})
    with Store(root) as store, build(graph, store, Options(jobs=2)) as results:
        answers.put({name: results.path(artifact).read_text() for name, artifact in graph.wanted.items()})


def test_two_builds_at_once_end_with_the_same_bytes(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[dict[str, str]] = context.Queue()
    builds = [context.Process(target=build_stamps, args=(tmp_path / "store", answers)) for _ in range(2)]
    for process in builds:
        process.start()
    one, two = answers.get(timeout=60), answers.get(timeout=60)
    for process in builds:
        process.join()
    # The steps give other bytes each time they run: the first writer's row decides for both.
    assert one == two


def test_a_measurement_is_cached_like_any_step(yard: Yard) -> None:
    graph = graph_of(measured=CountAlone(name="m"))
    assert yard.ran(graph) == ["measured"]
    assert yard.ran(graph) == []
