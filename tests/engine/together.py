"""A build in a process of its own, to be run beside others and killed: `… -m tests.engine.together STORE TRACE S`."""

from __future__ import annotations

import sys
from pathlib import Path

from edgebuild.core.graph import Graph
from edgebuild.engine.build import Options, build
from edgebuild.engine.store import Store
from tests.engine.steps import Stamp, Traced, TracedAlone, TracedInline


def graph_of(trace: str, width: int = 4, depth: int = 6, seconds: float = 0.0) -> Graph:
    """Chains of steps in processes and inline, a folder of random bytes among them, and one reader of all."""
    graph = Graph()
    ends = []
    for column in range(width):
        wires = (graph.add(Stamp(name=str(column)), f"{column}: stamp"),)
        for row in range(depth):
            kind = TracedAlone if (row, column) == (3, 1) else Traced if row % 3 == 0 else TracedInline
            step = kind(trace=trace, name=f"{column}.{row}", sources=wires, seconds=seconds)
            wires = (graph.add(step, f"{column}.{row}"),)
        ends += wires
    graph.want("all", graph.add(Traced(trace=trace, name="all", sources=tuple(ends)), "all"))
    return graph


def main() -> None:
    store, trace, seconds = sys.argv[1:4]
    graph = graph_of(trace, seconds=float(seconds))
    with Store(Path(store)) as opened, build(graph, opened, Options(jobs=2, workspace="here")) as results:
        print(results.digest(graph.wanted["all"]), results.ran, results.exit_code, flush=True)


if __name__ == "__main__":
    main()
