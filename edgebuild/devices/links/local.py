"""This machine as a device: the runner as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import edgebuild
from edgebuild.devices.links.base import Job
from edgebuild.errors import Problem, Refused, StepError

DECLINED = 3
"""Exit status with which the runner says that `refusal.json` holds the runtime's words."""

EXHAUSTED = 4
"""Exit status with which the runner says that memory or disk did not suffice."""

THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")

LOG_TAIL = 2000
"""Characters of a dead runner's log that an error quotes."""


class RunnerDied(StepError):  # noqa: N818 - what happened, not what is wrong
    """A runner ended without an answer."""

    def __init__(self, problem: Problem, crashed: str) -> None:
        """Args: crashed: how it ended, without what differs from run to run; two equal ends are no chance."""
        super().__init__(problem)
        self.crashed = crashed


class LocalLink:
    """Runs jobs on the machine that builds."""

    def execute(self, job: Job, output: Path, timeout_s: float) -> dict[str, Any]:
        """See `edgebuild.devices.links.base.Link`."""
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="job-") as folder:
            request, log = Path(folder, "job.json"), Path(folder, "log")
            request.write_text(job.model_dump_json(), encoding="utf-8")
            status = run_apart([*COMMAND, str(request), str(output)], log, environment(job.threads), timeout_s)
            if status == DECLINED and (output / "refusal.json").is_file():
                raise refusal(output / "refusal.json")
            if status != 0 or not (output / "result.json").is_file():
                raise died(job, status, log, timeout_s)
        result: dict[str, Any] = json.loads((output / "result.json").read_text(encoding="utf-8"))
        return result


# -P: the working folder is a step's scratch; nothing in it may shadow a module.
COMMAND = (sys.executable, "-P", "-m", "edgebuild.runner")


def run_apart(command: list[str], log: Path, env: dict[str, str], timeout_s: float) -> int | None:
    """Exit status of a command, or None where its time ran out and it was killed.

    It stays in the step's own group: whatever ends the step ends it too.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=env
        )
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def environment(threads: int) -> dict[str, str]:
    """The step's own environment, with the thread count of the job and this package importable."""
    env = dict(os.environ) | dict.fromkeys(THREAD_COUNTS, str(threads))
    home = Path(edgebuild.__file__).resolve().parent.parent
    # A checkout that is not installed; a site-packages folder is on the path anyway, and must stay behind the stdlib.
    if home.name not in ("site-packages", "dist-packages"):
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (env.get("PYTHONPATH", ""), str(home))))
    return env


def refusal(file: Path) -> Refused:
    """The runtime's own words."""
    said = json.loads(file.read_text(encoding="utf-8"))
    return Refused(by=said["by"], why=said["why"])


def died(job: Job, status: int | None, log: Path, timeout_s: float) -> RunnerDied:
    """What a dead runner left."""
    tail = log.read_text(encoding="utf-8", errors="replace").strip()[-LOG_TAIL:]
    runtime = next((model.call.runtime for model in job.models if model.call.runtime), "the runtime")
    where, end = f"runner ({job.what}, {runtime})", ending(status, timeout_s)
    fix = "Run again; if it ends so each time, the model or the runtime's build is at fault."
    if status == EXHAUSTED:
        fix = "Free memory or disk, or build on a machine that has more; nothing was stored of it."
    return RunnerDied(Problem(where, f"{end}\n{tail}".rstrip(), fix), crashed=f"The {where} {end}")


def ending(status: int | None, timeout_s: float) -> str:
    """How a process ended, in words."""
    if status is None:
        return f"was stopped after {timeout_s:g} s without an answer."
    if status == EXHAUSTED:
        return "had not enough memory or disk."
    if status < 0:
        return f"died by {signal.Signals(-status).name}."
    return f"ended with exit status {status} and no result."
