"""Ends of a step without an output, as the failures that a person reads."""

from __future__ import annotations

import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgebuild.core.step import Step
from edgebuild.engine.orders import Order
from edgebuild.engine.outcomes import Failed
from edgebuild.engine.process.child import Result
from edgebuild.engine.process.groups import Ended
from edgebuild.engine.store.rows import disk_full
from edgebuild.errors import Problem, Span

SPARE_BYTES = 1 << 20
"""Less room than this after a crash, and the disk is what the step died of."""


def unfinished(order: Order, result: Result, ended: Ended | None, root: Path, most_bytes: int | None) -> Failed:
    """How a process ended that left no output: the step's own problems, a limit, a signal, our bug.

    Args:
        order: what was to be run.
        result: what the process left, or how it was ended.
        ended: the process; None for a step in the engine itself.
        root: of the store.
        most_bytes: the memory that it was allowed.
    """
    kind = result["outcome"]
    if kind == "problems":
        problems = tuple(_problem(item) for item in result["problems"])
        code = int(result["exit_code"])
        return failed(order, problems, code, ended=ended, passes=code == 5)
    if kind == "disk" or (kind == "crash" and shutil.disk_usage(root).free < SPARE_BYTES):
        return no_room(order, root)
    if kind == "bug":
        return bug(order, result["traceback"], ended)
    free = f" ({(most_bytes or 0) / 1e9:.1f} GB)" if kind == "starved" else ""
    memory = f"needed more memory than there is{free}"
    what = {"memory": memory, "starved": memory, "time": _time_words(order.step)}.get(kind)
    if what is None:
        what = _end_words(ended.status if ended else 0)
    log = f"Its log: {root / 'logs' / order.step.id}.log" if ended else ""
    return failed(order, (Problem(order.label, f"The step {what}.", log),), 5, ended=ended, passes=True)


def failed(
    order: Order, problems: tuple[Problem, ...], code: int, *, ended: Ended | None = None, passes: bool = False
) -> Failed:
    """A failure with the end of the step's log."""
    details = ended.log.end() if ended else ""
    kind = type(order.step).__name__
    return Failed(order.step.id, order.label, problems, code, passes=passes, kind=kind, details=details)


def bug(order: Order, trace: str, ended: Ended | None = None) -> Failed:
    """What should not happen."""
    last = trace.strip().rsplit("\n", 1)[-1]
    problem = Problem(
        order.label, f"The step ended unexpectedly: {last}", "This is a bug of edgebuild's; please report it."
    )
    return replace(failed(order, (problem,), 70, ended=ended), details=trace)


def no_room(order: Order, root: Path) -> Failed:
    """The disk of the store is full: nothing more should be started."""
    return replace(failed(order, (disk_full(root),), 5), stops=True)


def _problem(item: dict[str, Any]) -> Problem:
    span = Span(**item["span"]) if item["span"] else None
    return Problem(item["where"], item["what"], item["fix"], span)


def _time_words(step: Step) -> str:
    return f"was ended after {type(step).timeout_s:g} s, its time-out"


def _end_words(status: int) -> str:
    if status >= 0:
        return f"ended with status {status} and without a result"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else str(-status)
    hint = " (the system may have run out of memory)" if -status == signal.SIGKILL else ""
    return f"was ended by signal {name}{hint}"
