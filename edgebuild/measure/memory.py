"""Peak memory of a model in its runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar

from edgebuild.core.dossier import Call
from edgebuild.core.records import OutsideKey
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact


class MeasureMemory(Step):
    """Peak resident memory over several fresh processes, each with this model alone.

    `memory.model` is the peak over what the process held with the bare runtime imported and no model open; about 40 MB
    of interpreter, numpy and runtime are not the model's. `memory.process` is the whole peak.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "memory.json"
    portable: ClassVar[bool] = False
    deterministic: ClassVar[bool] = False
    measures: ClassVar[bool] = True

    model: Artifact
    call: Call
    samples: Artifact
    """Inputs; the first one is run (see `inputs.py`)."""
    facts: Artifact
    """What the machine is; on another one this is another measurement."""
    threads: int = 1
    processes: int = 3
    runs: int = 5
    max_age_s: Annotated[float | None, OutsideKey()] = None

    def max_age(self) -> float | None:
        """As the spec's `evidence.max_age` says."""
        return self.max_age_s

    def merged(self, other: MeasureMemory) -> MeasureMemory:
        """Young enough for both."""
        ages = [age for age in (self.max_age_s, other.max_age_s) if age is not None]
        return self.model_copy(update={"max_age_s": min(ages, default=None)})

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the runtime declines the model. StepError: it died."""
        inputs = work.path(self.samples) / "inputs.npz"
        results = []
        for number in range(self.processes):
            output = work.scratch / f"memory-{number}"
            results.append(peak(work.path(self.model), self, inputs, output))
            work.progress(number + 1, self.processes, "processes")
        work.output.write_text(json.dumps(summary(results, self), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def peak(model: Path, step: MeasureMemory, inputs: Path, output: Path) -> dict[str, Any]:
    """The raw result of one process, in bytes."""
    from edgebuild.devices.links.base import Job, JobModel
    from edgebuild.devices.links.local import LocalLink

    job = Job(
        what="memory",
        models=(JobModel(path=str(model), call=step.call),),
        inputs=str(inputs),
        threads=step.threads,
        parameters={"runs": step.runs},
    )
    return LocalLink().execute(job, output, step.timeout_s)


def summary(results: list[dict[str, Any]], step: MeasureMemory) -> dict[str, Any]:
    """Median of the processes, between the least and the greatest."""
    from statistics import median

    def of(key: str) -> dict[str, float]:
        values = [int(result[key]) for result in results]
        return {"value": median(values), "low": min(values), "high": max(values)}

    return {
        "memory.model": of("model_bytes"),
        "memory.process": of("peak_bytes"),
        "samples": len(results),
        "protocol": {
            "processes": step.processes,
            "runs": step.runs,
            "threads": step.threads,
            "versions": results[0].get("versions", {}),
            "raw": [{key: result[key] for key in RAW if key in result} for result in results],
            "words": f"peak resident memory, median of {step.processes} fresh processes × {step.runs} runs",
        },
    }


RAW = ("runtime_bytes", "loaded_bytes", "peak_bytes", "model_bytes")
