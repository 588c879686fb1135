"""Build the outputs a graph wants: nothing that is known is made again."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass

from edgebuild.core.graph import Graph
from edgebuild.engine.crew import Crew, RemadeError
from edgebuild.engine.execute import Executor
from edgebuild.engine.listener import Listener, Quiet
from edgebuild.engine.oracle import Oracle
from edgebuild.engine.orders import Order
from edgebuild.engine.outcomes import Built, Failed, Unmet
from edgebuild.engine.process.signals import interrupting
from edgebuild.engine.results import Results
from edgebuild.engine.store import Store
from edgebuild.engine.store.locks import bump_generation
from edgebuild.engine.walk import CrewRunner, Reporter, StoreDependency, dispatcher_for

WALKS = 5
"""How often a walk begins again because lost bytes came out differently, before it counts as a bug."""


@dataclass(frozen=True)
class Options:
    """How to build."""

    jobs: int = 0
    """Steps at once; the processors this process may use where 0."""
    memory: int | None = None
    """Bytes that steps may take together; what this machine has free where None."""
    keep_going: bool = False
    """After a failure, go on with what does not need it."""
    retry: bool = False
    """Run steps again that crashed twice, which are else remembered for a week."""
    remeasure: bool = False
    """Take every measurement again; the new one replaces the old."""
    known_only: bool = False
    """Raise `UnknownError` at the first step that would have to run."""
    workspace: str = ""
    """Name of the checkout, under which the history for `why` is kept."""
    folders: tuple[str, ...] = ()
    """Of the specs, absolute: cleaning the store spares what their locks name, wherever they lie."""

    @property
    def tokens(self) -> int:
        """Steps at once."""
        return self.jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else self.jobs or 1


def build(graph: Graph, store: Store, options: Options | None = None, listener: Listener | None = None) -> Results:
    """Bring the ancestors of `graph.wanted` up to date.

    Returns:
        What became of every step. The caller closes it (or uses it as a context) when the files are exported.

    Raises:
        StepError: the store itself cannot be used.
        UnknownError: a step would have to run, and only what is known was asked for.
        KeyboardInterrupt: after the running steps were ended; what was finished stays stored.
    """
    options, listener = options or Options(), listener or Quiet()
    with ExitStack() as stack, interrupting():
        scratch = stack.enter_context(store.scratch(lambda: listener.waiting("", "the store is being cleaned")))
        if options.remeasure:
            # Stamps of other checkouts rest on numbers that are about to be replaced.
            bump_generation(store.root)
        memory, retry, waiting = options.memory, options.retry, listener.waiting
        executor = Executor(store, scratch, options.workspace, memory=memory, retry=retry, waiting=waiting)
        stack.callback(executor.processes.parents.close)
        oracle = Oracle(graph, store, remeasure=options.remeasure)
        ran: list[str] = []
        for _ in range(WALKS):
            walk = _Walk(oracle, executor, options, listener)
            finished = walk.run()
            ran += walk.crew.ran
            if finished:
                return Results(
                    walk.oracle, walk.dependency.outcomes, ran, walk.reporter.hits, walk.crew, stack.pop_all()
                )
    raise RuntimeError(f"lost bytes came out differently {WALKS} times in one build")


class _Walk:
    """One pass over the graph."""

    def __init__(self, oracle: Oracle, executor: Executor, options: Options, listener: Listener) -> None:
        self.oracle = oracle
        self.dependency = StoreDependency(oracle, options.workspace, options.folders)
        self.crew = Crew(executor, options.tokens, listener, self._remake, oracle.place.__getitem__)
        self.reporter = Reporter(self.dependency, listener)
        self._runner = CrewRunner(
            self.dependency, self.reporter, self.crew, keep_going=options.keep_going, known_only=options.known_only
        )

    def run(self) -> bool:
        """False where it must begin again."""
        try:
            self._runner.run_all(dispatcher_for(self.oracle))
        except RemadeError:
            self.crew.finish()
            return False
        except BaseException:
            self.crew.stop()
            raise
        failed = tuple(name for name, outcome in self.dependency.outcomes.items() if isinstance(outcome, Failed))
        for step_id in self.oracle.order:
            self.dependency.outcomes.setdefault(step_id, Unmet(failed))
        return True

    def _remake(self, step_id: str) -> Order:
        outcome = self.dependency.outcomes[step_id]
        assert isinstance(outcome, Built)
        return self.oracle.order_for(step_id, self.dependency.outcomes, expected=outcome.digest)
