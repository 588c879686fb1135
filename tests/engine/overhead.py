"""What the engine itself costs; called by `tests/bench` and printed by `test_overhead`."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.store import Store
from tests.engine.steps import Join, Quick, Say, Upper


def inline(steps: int) -> Graph:
    """Pairs of steps that run in the engine itself: what a step costs beside its process."""
    graph = Graph()
    for number in range(steps // 2):
        first = graph.add(Quick(text=str(number)), f"first {number}")
        graph.want(str(number), graph.add(Quick(text="+", sources=(first,)), f"second {number}"))
    return graph


def chain(steps: int) -> Graph:
    """Pairs of steps that write a few bytes, and one that reads them all."""
    graph = Graph()
    pairs = [graph.add(Upper(source=graph.add(Say(text=str(n)), f"say {n}")), f"upper {n}") for n in range(steps // 2)]
    graph.want("joined", graph.add(Join(sources=tuple(pairs)), "joined"))
    return graph


def overhead(folder: Path, steps: int = 50) -> dict[str, float]:
    """Milliseconds per step: without a process; wall and processor time with one, in the engine alone; and a no-op."""
    with Store(folder) as store:
        wall, engine, child = time.perf_counter(), time.process_time(), _children_s()
        first = build(chain(steps), store, Options(jobs=2))
        first.close()
        wall, engine, child = time.perf_counter() - wall, time.process_time() - engine, _children_s() - child
        again = time.perf_counter()
        build(chain(steps), store, Options(jobs=2)).close()
        again = time.perf_counter() - again
        here, spent = time.perf_counter(), time.process_time()
        alone = build(inline(steps), store, Options(jobs=2))
        alone.close()
        here, spent = time.perf_counter() - here, time.process_time() - spent
    return {
        "beside the process, wall": 1000 * here / alone.ran,
        "beside the process, processor": 1000 * spent / alone.ran,
        "run wall": 1000 * wall / first.ran,
        "run processor, engine": 1000 * engine / first.ran,
        "run processor, child": 1000 * child / first.ran,
        "no-op wall": 1000 * again / first.ran,
    }


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
