"""The account of operations: what a runtime made of a model, from a trace of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.dossier import Account, Call
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact

RUNS = 10
"""Runs whose times give that of an operator; it tells where time goes, not how fast the model is."""
SLOWEST = 8


class TraceModel(Step):
    """Base of the runtimes' steps: run the model on one sample under the runtime's own profiler and count.

    Writes `account.json` (`core.dossier.Account`).
    """

    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "account.json"
    portable: ClassVar[bool] = False
    deterministic: ClassVar[bool] = False

    model: Artifact
    samples: Artifact
    """A split; its first sample is run."""
    call: Call
    versions: dict[str, str] = {}
    """Distributions of the runtime by version."""

    def read(self, trace: dict[str, Any]) -> Account:
        """The account that a session's trace gives."""
        raise NotImplementedError

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the runtime declines the model. StepError: it died."""
        inputs = work.path(self.samples) / "inputs.npz"
        traced = trace(work.path(self.model), self.call, inputs, work.scratch / "trace", self.timeout_s)
        work.output.write_text(self.read(traced).model_dump_json(indent=1) + "\n", encoding="utf-8")


def trace(model: Path, call: Call, inputs: Path, output: Path, timeout_s: float) -> dict[str, Any]:
    """What the runtime executes, in a process of its own."""
    from edgebuild.devices.links.base import Job, JobModel
    from edgebuild.devices.links.local import LocalLink

    job = Job(
        what="trace",
        models=(JobModel(path=str(model), call=call),),
        inputs=str(inputs),
        threads=int(call.options.get("threads", 1)),
        parameters={"runs": RUNS},
    )
    return LocalLink().execute(job, output, timeout_s)


def tally(names: dict[str, int]) -> str:
    """`2 Conv, 1 Gemm`."""
    return ", ".join(f"{count} {name}" for name, count in sorted(names.items(), key=lambda item: (-item[1], item[0])))


def plural(count: int, noun: str) -> str:
    """`1 conversion`, `2 conversions`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
