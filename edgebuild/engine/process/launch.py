"""What it takes to start the process of a step."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgebuild.core.step import Step
from edgebuild.core.wires import UserCode
from edgebuild.engine.process.environment import declared, environment, passed
from edgebuild.engine.process.folder import StepFolder

Family = tuple[str, ...]
"""Modules that a parent has imported before it is asked for children."""


@dataclass(frozen=True)
class Launch:
    """What is started."""

    job: str
    """File that says which step, and where its inputs and its output are."""
    env: dict[str, str]
    cwd: str
    path: list[str]
    """Folders from which edgebuild and the step's class are imported."""
    family: Family | None
    """The parent it may be forked from; None for an interpreter of its own (the user's code)."""
    timeout_s: float
    most_bytes: int | None = None
    """Memory that it may take."""


def launch_of(
    step: Step, codes: tuple[UserCode, ...], folder: StepFolder, most_bytes: int | None, *, apart: bool
) -> Launch:
    """The process of a step.

    Args:
        step: what is run.
        codes: functions of the user's in it.
        folder: its own.
        most_bytes: memory that it may take.
        apart: whether it must share nothing, whatever it is.

    Raises:
        StepError: a variable that the step sees is no longer what its key was made with.
    """
    kind = type(step)
    path = _python_path(kind, codes)
    env = {**environment(folder.root, path, declared(step)), **passed(kind)}
    # The user's code shares nothing: it runs in a process of its own, and reads no bytecode that others left.
    # Libraries read variables while they are imported, which a parent has done already.
    family = None if apart or codes or step.environment or kind.passes else kind.preload
    if codes:
        env["PYTHONPYCACHEPREFIX"] = f"{folder.root}/bytecode"
    return Launch(folder.job, env, folder.work, path, family, kind.timeout_s, most_bytes)


@cache
def _python_path(kind: type[Step], codes: tuple[UserCode, ...]) -> list[str]:
    """Folders from which edgebuild and the step's class are imported; never the user's."""
    path = [str(Path(__file__).resolve().parents[3])]
    module = sys.modules[kind.__module__]
    if module.__file__:
        folder = str(Path(module.__file__).resolve().parents[kind.__module__.count(".")])
        if folder not in path and folder not in [code.root for code in codes]:
            path.append(folder)
    return [folder for folder in path if not folder.endswith("site-packages")]
