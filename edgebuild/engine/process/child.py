"""The other end of `process`: one step in a process of its own, told by `job.json`, answered by `result.json`."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import sys
import time
import traceback
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from edgebuild.core.step import Observed, load_step
from edgebuild.core.wires import Refusal
from edgebuild.engine.process.kin import die_with
from edgebuild.engine.process.workspace import FolderWorkspace, Inputs, Progress
from edgebuild.errors import EdgebuildError, Refused

Result = dict[str, Any]

FRESH = [sys.executable, "-s", "-P", "-m", "edgebuild.engine.process.child"]
"""Command of a process that shares nothing; a job and a descriptor follow."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(job_file: str, news: int) -> None:
    """Run the step of a job and leave its result beside it; `news`: where progress goes."""
    job = json.loads(Path(job_file).read_text())
    if job["roots"]:
        from edgebuild.engine.process.watched import Watched

        # A bytecode cache is trusted by second and size: an edit within one second would run as the old code.
        sys.dont_write_bytecode = True
        watched = Watched(job["ignored"], job["roots"], Path(job_file).with_name("forks"))
        result = attempt_step(job, news, watched)
        result["seen"] = watched.seen()
    else:
        result = attempt_step(job, news, nullcontext())
    result["peak_bytes"] = peak_bytes()
    sys.stdout.flush()
    sys.stderr.flush()
    place = Path(job_file).with_name("result.json")
    place.with_suffix(".part").write_text(json.dumps(result))
    place.with_suffix(".part").replace(place)
    # Without the interpreter's own end: runtimes have been seen to hang or crash while they are taken down.
    os._exit(0)


def attempt_step(job: dict[str, Any], news: int, watched: AbstractContextManager[None]) -> Result:
    """Load and run the step, where it runs the user's code watched; whatever it raises becomes a result."""
    try:
        step = load_step(job["kind"], job["step"])
        if step.id != job["id"]:
            return {"outcome": "bug", "traceback": f"{job['kind']} does not survive its own JSON: its fields changed."}
        work = FolderWorkspace(
            output=Path(job["output"]),
            scratch=Path.cwd(),
            inputs=read_inputs(job["inputs"]),
            tell=_teller(news),
            trials=Path(job["trials"]),
            observed=read_observed(job["observed"]),
        )
        with watched:
            step.run(work)
    except Refused as refused:
        return {**result_of(refused), "only_now": work.only_now}
    except BaseException as error:
        return result_of(error)
    return {"outcome": "built", "only_now": work.only_now, "repeats": work.repeats}


def peak_bytes() -> int:
    """The most memory that the process, or any one that it started, had at once."""
    import resource

    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)


def result_of(error: BaseException) -> Result:
    """An exception that ended a step, as the value the engine stores or reports."""
    if isinstance(error, Refused):
        refusal = Refusal(kind=error.kind, by=error.by, why=error.why, fix=error.fix)
        return {"outcome": "refused", "refusal": refusal.model_dump()}
    if isinstance(error, EdgebuildError):
        problems = [dataclasses.asdict(problem) for problem in error.problems]
        crashed = getattr(error, "crashed", "")
        return {"outcome": "problems", "exit_code": error.exit_code, "problems": problems, "crashed": crashed}
    if isinstance(error, MemoryError):
        return {"outcome": "memory"}
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return {"outcome": "disk"}
    return {"outcome": "bug", "traceback": "".join(traceback.format_exception(error))}


def read_inputs(lines: list[dict[str, Any]]) -> Inputs:
    """The inputs of a job: paths, and refusals for attempts."""
    return {
        (line["id"], line["member"]): Refusal(**line["refusal"]) if line["refusal"] else Path(line["path"])
        for line in lines
    }


def read_observed(value: dict[str, Any] | None) -> Observed:
    """What a job says of earlier runs."""
    if value is None:
        return Observed()
    return Observed(tuple(value["subjects"]), tuple(map(Path, value["earlier"])), int(value["times"]))


def _teller(descriptor: int) -> Progress:
    """Lines of JSON into a pipe, 20 a second at most; the last of a run always goes out."""
    last = 0.0

    def tell(done: int, total: int, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < 0.05 and done < total:
            return
        last = now
        # Shorter than PIPE_BUF, so that lines of several threads do not mix.
        os.write(descriptor, json.dumps([done, total, what[:200]]).encode() + b"\n")

    return tell


if __name__ == "__main__":
    if sys.argv[3:]:
        die_with(int(sys.argv[3]))
    main(sys.argv[1], int(sys.argv[2]))
