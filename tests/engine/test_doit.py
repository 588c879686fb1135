"""One contract for each seam of doit that the engine is built on; a new doit that breaks one fails here, not there."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from typing import Any

import pytest
from doit.control import TaskDispatcher
from doit.dependency import Dependency, DependencyStatus
from doit.exceptions import TaskError
from doit.runner import Runner
from doit.task import Task

from edgebuild.core.graph import Graph
from edgebuild.engine.listener import Quiet
from edgebuild.engine.oracle import Oracle
from edgebuild.engine.outcomes import Failed, Unmet
from edgebuild.engine.walk import CrewRunner, LightTask, Reporter, StoreDependency, dispatcher_for
from tests.engine.conftest import Yard
from tests.engine.steps import Join, Say, Upper


def dispatcher(**needs: list[str]) -> TaskDispatcher:
    return TaskDispatcher({name: LightTask(name, list(deps)) for name, deps in needs.items()}, {}, list(needs))


def finish(node: Any, status: str = "successful") -> Any:
    node.run_status = status
    return node


def test_the_version_is_the_one_the_seams_were_read_in() -> None:
    assert version("doit").startswith("0.37.")


def test_the_generator_gives_what_is_ready_then_hold_on_then_what_became_ready() -> None:
    walk = dispatcher(a=[], b=["a"], c=[])
    a = walk.generator.send(None)
    assert a.task.name == "a"
    a.run_status = "run"
    c = walk.generator.send(None)
    assert c.task.name == "c"
    c.run_status = "run"
    assert walk.generator.send(None) == "hold on"
    assert walk.generator.send(finish(c)) == "hold on"
    b = walk.generator.send(finish(a))
    assert b.task.name == "b"
    b.run_status = "run"
    with pytest.raises(StopIteration):
        walk.generator.send(finish(b))


def test_the_generator_may_be_exhausted_while_the_last_ones_run() -> None:
    walk = dispatcher(a=[])
    walk.generator.send(None).run_status = "run"
    with pytest.raises(StopIteration):
        walk.generator.send(None)


def test_a_hit_is_sent_back_at_once() -> None:
    walk = dispatcher(a=[], b=["a"])
    a = walk.generator.send(None)
    b = walk.generator.send(finish(a, "up-to-date"))
    assert (b.task.name, b.bad_deps) == ("b", [])


def test_a_failure_marks_its_readers_and_a_success_does_not() -> None:
    walk = dispatcher(a=[], b=["a"])
    a = walk.generator.send(None)
    b = walk.generator.send(finish(a, "failure"))
    assert b.bad_deps == [a]


def test_a_task_in_topological_order_has_no_ancestors_to_carry() -> None:
    walk = dispatcher(a=[], b=["a"], c=["b"])
    node = walk.generator.send(None)
    for name in ("b", "c"):
        node = walk.generator.send(finish(node))
        assert (node.task.name, node.ancestors) == (name, [name])


def test_the_runner_asks_a_dependency_nothing_else_than_we_answer() -> None:
    asked = {"get_status", "status_is_ignore", "get_values", "get_value", "save_success", "remove_success", "close"}
    source = inspect.getsource(Runner)
    used = {word.split("(")[0] for word in source.replace("\n", " ").split("self.dep_manager.")[1:]}
    assert {name.split()[0].strip(")") for name in used} <= asked
    own = set(vars(StoreDependency))
    assert asked - {"get_value"} <= own
    for name in asked - {"get_value"}:
        mine, theirs = (
            list(inspect.signature(getattr(kind, name)).parameters) for kind in (StoreDependency, Dependency)
        )
        assert mine == theirs


def test_the_runner_asks_a_reporter_nothing_else_than_we_answer() -> None:
    used = {part.split("(")[0] for part in inspect.getsource(Runner).replace("\n", " ").split("self.reporter.")[1:]}
    assert {name.split()[0].rstrip(",") for name in used} <= set(vars(Reporter))


def test_a_light_task_is_a_task_and_shares_no_container_that_doit_changes() -> None:
    task = LightTask("a", [])
    assert isinstance(task, Task)
    walk = dispatcher(a=[], b=["a"])
    node = walk.generator.send(None)
    walk.generator.send(finish(node))
    assert (LightTask.calc_dep, LightTask.setup_tasks, LightTask.getargs, LightTask.teardown) == (set(), [], {}, [])


@pytest.fixture
def oracle(yard: Yard) -> Oracle:
    graph = Graph()
    first = graph.add(Say(text="a"), "first")
    upper = graph.add(Upper(source=first), "upper")
    graph.want("joined", graph.add(Join(sources=(first, upper)), "joined"))
    return Oracle(graph, yard.store)


def test_an_exception_in_the_oracle_is_a_status_not_the_end_of_the_run(oracle: Oracle) -> None:
    dependency = StoreDependency(oracle, "here")
    # `joined` is asked about before its inputs are done: what a bug of ours would look like.
    task = LightTask(oracle.order[-1], [])
    status = dependency.get_status(task, {})
    assert isinstance(status, DependencyStatus)
    assert status.status == "error"
    assert status.get_error_message()


class Idle:
    """A crew that never finishes anything."""

    def __init__(self) -> None:
        self.stopping = False
        self.added: list[Any] = []

    def add(self, order: Any) -> None:
        self.added.append(order)

    def wait(self) -> None:
        return None


def test_a_build_that_ends_with_steps_waiting_is_our_bug(oracle: Oracle) -> None:
    dependency = StoreDependency(oracle, "here")
    reporter = Reporter(dependency, Quiet())
    runner = CrewRunner(dependency, reporter, Idle(), keep_going=True)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="ended while steps were waiting"):
        runner.run_all(dispatcher_for(oracle))


def test_unmet_steps_are_folded_to_the_first_cause(oracle: Oracle) -> None:
    dependency = StoreDependency(oracle, "here")
    runner = CrewRunner(dependency, Reporter(dependency, Quiet()), Idle(), keep_going=True)  # type: ignore[arg-type]
    walk = dispatcher_for(oracle)
    first = walk.generator.send(None)
    assert runner.select_task(first, walk.tasks)
    dependency.outcomes[first.task.name] = Failed(first.task.name, "first", (), 2)
    runner.process_task_result(first, TaskError("failed"))
    node = walk.generator.send(first)
    while True:
        assert not runner.select_task(node, walk.tasks)
        try:
            node = walk.generator.send(node)
        except StopIteration:
            break
    unmet = [outcome for outcome in dependency.outcomes.values() if isinstance(outcome, Unmet)]
    assert [outcome.because for outcome in unmet] == [(first.task.name,), (first.task.name,)]


def test_tasks_come_in_the_order_of_the_graph(oracle: Oracle) -> None:
    assert dispatcher_for(oracle).selected_tasks == list(oracle.graph.steps)
