"""What the engine itself costs; called by `tests/bench` and printed by `test_overhead`."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.store import Store
from tests.engine.steps import Join, Say, Upper


def chain(steps: int) -> Graph:
    """Pairs of steps that write a few bytes, and one that reads them all."""
    graph = Graph()
    pairs = [graph.add(Upper(source=graph.add(Say(text=str(n)), f"say {n}")), f"upper {n}") for n in range(steps // 2)]
    graph.want("joined", graph.add(Join(sources=tuple(pairs)), "joined"))
    return graph


def overhead(folder: Path, steps: int = 50) -> dict[str, float]:
    """Milliseconds per step: wall and processor time when it runs, processor time in the engine alone, and a no-op."""
    with Store(folder) as store:
        wall, engine, child = time.perf_counter(), time.process_time(), _children_s()
        first = build(chain(steps), store, Options(jobs=2))
        first.close()
        wall, engine, child = time.perf_counter() - wall, time.process_time() - engine, _children_s() - child
        again = time.perf_counter()
        build(chain(steps), store, Options(jobs=2)).close()
        again = time.perf_counter() - again
    return {
        "run wall": 1000 * wall / first.ran,
        "run processor, engine": 1000 * engine / first.ran,
        "run processor, child": 1000 * child / first.ran,
        "no-op wall": 1000 * again / first.ran,
    }


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
