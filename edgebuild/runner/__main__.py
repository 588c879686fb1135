"""A job in JSON goes in, raw results come out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgebuild.runner import answers, layers, memory, predict, process, steps, timing, trace
from edgebuild.runner.job import Declined, Exhausted, Job, JobError, exhausted, read_job

WORK: dict[str, Callable[[Job, Path], dict[str, Any]]] = {
    "predict": predict.run,
    "answers": answers.run,
    "time": timing.run,
    "memory": memory.run,
    "trace": trace.run,
    "layers": layers.run,
    "steps": steps.run,
}

USAGE = "usage: python -m edgebuild.runner JOB.json OUT_DIR"


def main(argv: list[str]) -> int:
    """Run one job and return the exit status."""
    if len(argv) != 2:
        print(USAGE, file=sys.stderr)
        return 2
    output = Path(argv[1])
    try:
        job = read_job(Path(argv[0]), tuple(WORK))
        output.mkdir(parents=True, exist_ok=True)
        write_json(output / "result.json", run(job, output))
    except JobError as error:
        print(error, file=sys.stderr)
        return 2
    except Declined as declined:
        write_json(output / "refusal.json", {"by": declined.by, "why": declined.why, "model": declined.model})
        return 3
    except (Exhausted, MemoryError, OSError) as error:
        if not isinstance(error, Exhausted) and not exhausted(error):
            raise
        print(error or type(error).__name__, file=sys.stderr)
        return 4
    return 0


def run(job: Job, output: Path) -> dict[str, Any]:
    """The raw result of a job, with what the process itself used."""
    before = process.usage()
    start = time.perf_counter()
    result = WORK[job.what](job, output)
    after = process.usage()
    return {
        "what": job.what,
        "threads": job.threads,
        "wall_s": time.perf_counter() - start,
        "cpu_s": after.cpu_s - before.cpu_s,
        "involuntary_switches": after.involuntary_switches - before.involuntary_switches,
        **result,
    }


def write_json(file: Path, content: dict[str, Any]) -> None:
    """The content, sorted and with a line end."""
    file.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
