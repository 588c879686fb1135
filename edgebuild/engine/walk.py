"""The embedded doit: its dispatcher orders, its runner asks our oracle, our crew runs.

Its database, its parallel runners and its teardown are not used: state is written only at the end of a run, two runs at
once execute everything twice, and a task has no resources.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterable
from typing import Any

from doit.control import TaskDispatcher
from doit.dependency import Dependency, DependencyStatus
from doit.exceptions import BaseFail, TaskError
from doit.runner import Runner
from doit.task import Task

from edgebuild.engine.crew import Crew
from edgebuild.engine.listener import Listener
from edgebuild.engine.oracle import Answer, Oracle, check_tools
from edgebuild.engine.orders import Order
from edgebuild.engine.outcomes import Built, Failed, Outcome, Unmet
from edgebuild.engine.store.history import Last
from edgebuild.engine.store.rows import NoRoomError
from edgebuild.errors import EdgebuildError, Problem


class LightTask(Task):  # type: ignore[misc]
    """A task that is a name and what it waits for; all that doit asks besides is a constant of the class."""

    loader = None
    calc_dep: set[str] = set()
    setup_tasks: list[str] = []
    getargs: dict[str, Any] = {}
    teardown: list[Any] = []
    has_subtask = False
    values: dict[str, Any] = {}

    def __init__(self, name: str, task_dep: list[str]) -> None:
        self.name, self.task_dep = name, task_dep

    def overwrite_verbosity(self, stream: Any) -> None:
        """Nothing of ours prints."""

    def init_options(self, args: Any = None) -> None:
        """There are none."""

    def save_extra_values(self) -> None:
        """There are none."""


class StoreDependency(Dependency):  # type: ignore[misc]
    """The question of doit about a task, answered by the store.

    `get_status` comes when all inputs are done, so early cutoff falls out of it: equal bytes give an equal key.
    """

    def __init__(self, oracle: Oracle, workspace: str, folders: Iterable[str] = ()) -> None:
        self.oracle, self.workspace, self._folders = oracle, workspace, tuple(folders)
        self.outcomes: dict[str, Outcome] = {}
        self.orders: dict[str, Order] = {}
        """Of the steps that have to run."""
        self._known = oracle.store.ahead.read(workspace, oracle.labels.values())
        self._noted: list[tuple[str, Last]] = []

    def get_status(self, task: Task, tasks_dict: Any, get_log: bool = False) -> DependencyStatus:  # noqa: ARG002
        """Whether the step's output is known. An exception here would end doit's whole run, so it becomes a status."""
        status = DependencyStatus(get_log)
        try:
            answer = self.oracle.ask(task.name, self.outcomes)
            if answer.outcome:
                self._hit(task.name, answer)
                return status
            check_tools(self.oracle.labels[task.name], self.oracle.versions(self.oracle.graph.nodes[task.name]))
            self.orders[task.name] = self.oracle.order_for(task.name, self.outcomes)
            status.status = "run"
        except EdgebuildError as error:
            self._error(status, task.name, error.problems, error.exit_code, "")
        except Exception as error:
            problem = Problem(
                self.oracle.labels[task.name], f"The step has no key: {error}", "This is a bug of edgebuild's."
            )
            self._error(status, task.name, (problem,), 70, traceback.format_exc())
        return status

    def _hit(self, name: str, answer: Answer) -> None:
        assert answer.outcome is not None
        self.outcomes[name] = answer.outcome
        if isinstance(answer.outcome, Built):
            self.oracle.store.glance(answer.outcome.digest)
        label = self.oracle.labels[name]
        if answer.key and self._known.get(label) != answer.key:
            built = answer.outcome if isinstance(answer.outcome, Built) else Built("", 0)
            parts = self.oracle.parts(name, self.outcomes, answer.seen)
            self._noted.append((label, Last(answer.key, parts, built.digest, built.size, time.time())))

    def _error(
        self, status: DependencyStatus, name: str, problems: tuple[Problem, ...], code: int, details: str
    ) -> None:
        status.status = "error"
        status.error_reason = "; ".join(problem.what for problem in problems)
        self.outcomes[name] = Failed(name, self.oracle.labels[name], problems, code, details=details)

    def close(self) -> None:
        """Keep under which names hits were used, all at once."""
        with contextlib.suppress(NoRoomError):
            self.oracle.store.register(self.workspace, self._folders)
        if self._noted:
            # History is a comfort: a full disk has its own problem, told by the step that met it.
            with contextlib.suppress(NoRoomError), self.oracle.store.rows.transaction():
                for label, last in self._noted:
                    self.oracle.store.history.note(self.workspace, label, last)
            self._noted.clear()

    def status_is_ignore(self, task: Task) -> bool:  # noqa: ARG002
        """There is no ignoring."""
        return False

    def get_values(self, task_name: str) -> dict[str, Any]:  # noqa: ARG002
        """There are none."""
        return {}

    def save_success(self, task: Task, result_hash: Any = None) -> None:
        """Already stored, in one transaction with the step's end."""

    def remove_success(self, task: Task) -> None:
        """Nothing of a failed step is stored."""


class Reporter:
    """The reporter protocol of doit, passed on to the listener."""

    def __init__(self, dependency: StoreDependency, listener: Listener) -> None:
        self._dependency, self._listener = dependency, listener
        self.hits: list[str] = []
        self.seconds: dict[str, float] = {}
        self.elsewhere: set[str] = set()
        """Steps that another build made while this one waited."""

    def initialize(self, tasks: dict[str, Task], selected_tasks: list[str]) -> None:  # noqa: ARG002
        """The build begins."""
        self._listener.queued(len(tasks))

    def get_status(self, task: Task) -> None:
        """Doit asks about it."""

    def execute_task(self, task: Task) -> None:
        """Never called: the crew runs."""

    def skip_ignore(self, task: Task) -> None:
        """Never called: nothing is ignored."""

    def cleanup_error(self, exception: Any) -> None:
        """Never called: there is no cleanup."""

    def teardown_task(self, task: Task) -> None:
        """Never called: there is no teardown."""

    def complete_run(self) -> None:
        """The walk is over."""

    def runtime_error(self, message: str) -> None:
        """Fail: doit found the tasks themselves wrong: our bug."""
        raise RuntimeError(message)

    def skip_uptodate(self, task: Task) -> None:
        """A hit, or a refusal through an input."""
        self.hits.append(task.name)
        self._finished(task.name, cached=True)

    def add_success(self, task: Task) -> None:
        """A step ran to its end, here or in another build."""
        if task.name in self.elsewhere:
            self.hits.append(task.name)
        self._finished(task.name, cached=task.name in self.elsewhere)

    def add_failure(self, task: Task, fail: BaseFail) -> None:  # noqa: ARG002
        """A step failed; or steps it reads did, which is folded to the first causes."""
        if task.name not in self._dependency.outcomes:
            self._unmet(task)
        self._finished(task.name)

    def _finished(self, step_id: str, *, cached: bool = False) -> None:
        outcome = self._dependency.outcomes[step_id]
        self._listener.finished(step_id, outcome, self.seconds.get(step_id, 0.0), cached)

    def _unmet(self, task: Task) -> None:
        outcomes = self._dependency.outcomes
        causes: dict[str, None] = {}
        for need in task.task_dep:
            found = outcomes.get(need)
            if isinstance(found, Unmet):
                causes.update(dict.fromkeys(found.because))
            elif isinstance(found, Failed):
                causes[need] = None
        outcomes[task.name] = Unmet(tuple(causes))


class UnknownError(Exception):
    """A step would have to run in a build that was to find everything."""


class CrewRunner(Runner):  # type: ignore[misc]
    """Drains doit's dispatcher, hands what must run to the crew, and sends each end back."""

    def __init__(
        self, dependency: StoreDependency, reporter: Reporter, crew: Crew, *, keep_going: bool, known_only: bool = False
    ) -> None:
        super().__init__(dependency, reporter, continue_=keep_going)
        self._crew, self._known_only = crew, known_only

    def run_tasks(self, task_dispatcher: TaskDispatcher) -> None:
        """Until the dispatcher is exhausted, or a failure stops the build.

        Raises:
            RuntimeError: the dispatcher waits for a step that nobody runs; our bug.
        """
        exhausted = self._drain(task_dispatcher, None)
        while (ended := self._crew.wait()) is not None:
            node = task_dispatcher.nodes[ended[0]]
            self._record(node, *ended)
            self._crew.stopping = self._stop_running
            exhausted = self._drain(task_dispatcher, node) if not exhausted else True
        if not exhausted and not self._stop_running:
            waiting = ", ".join(sorted(node.task.name for node in task_dispatcher.waiting))
            raise RuntimeError(f"the build ended while steps were waiting: {waiting}")

    def _drain(self, dispatcher: TaskDispatcher, node: Any) -> bool:
        """Ask about all that is ready; True when nothing more will come."""
        while not self._stop_running:
            try:
                node = dispatcher.generator.send(node)
            except StopIteration:
                return True
            if node == "hold on":
                return False
            if self.select_task(node, dispatcher.tasks):
                order = self.dep_manager.orders[node.task.name]
                if self._known_only and not type(order.step).volatile:
                    raise UnknownError(order.label)
                self._crew.add(order)
                node = None
        self._crew.stopping = True
        return False

    def _record(self, node: Any, step_id: str, outcome: Outcome, seconds: float | None) -> None:
        self.dep_manager.outcomes[step_id] = outcome
        if seconds is None:
            self.reporter.elsewhere.add(step_id)
        self.dep_manager.oracle.remeasured.add(step_id)
        self.reporter.seconds[step_id] = seconds or 0.0
        # A crash does not stop those who can do without the output; to doit the step is done.
        fails = isinstance(outcome, Failed) and not outcome.passes
        self.process_task_result(node, TaskError("failed") if fails else None)
        if isinstance(outcome, Failed) and outcome.stops:
            self._stop_running = True


def dispatcher_for(oracle: Oracle) -> TaskDispatcher:
    """The steps of a graph as doit's tasks, in topological order (a reversed chain of 10,000 costs doit 472 MB)."""
    tasks = {step_id: LightTask(step_id, oracle.graph.needs(step_id)) for step_id in oracle.order}
    return TaskDispatcher(tasks, {}, list(oracle.order))
