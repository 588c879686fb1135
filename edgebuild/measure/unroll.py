"""Samples that are sequences → single runs of the model, each with the states that the source has there."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from edgebuild.core.dossier import Call
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact


class UnrollSteps(Step):
    """Run the untouched source over sequences and keep what single steps were fed, states included.

    What looks at one run of a model – calibration, timing, memory, traces – takes these for samples: states have the
    values that real sequences lead to, and every candidate is looked at with the same ones. Writes a folder with
    `inputs.npz`, its steps drawn from all sequences and left in the order of the draw.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "inputs"
    portable: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 7200.0

    model: Artifact
    call: Call
    """With a loop."""
    samples: Artifact
    """A folder with `inputs.npz`."""
    leave: tuple[str, ...] = ()
    """Inputs that the artifacts do not have: constant ones."""
    most: int
    """Steps at most."""
    seed: int = 0
    versions: dict[str, str] = {}
    """Distributions of the runtime by version; another version may compute other states."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the runtime declines the model. StepError: it died."""
        unroll(work.path(self.model), work.path(self.samples) / "inputs.npz", work.scratch / "steps", self)
        keep(work.scratch / "steps" / "inputs.npz", work.output, self.leave)


def unroll(model: Path, inputs: Path, output: Path, step: UnrollSteps) -> None:
    """Run the model over all samples in a process of its own; the folder `output` gets the single runs."""
    from edgebuild.devices.links.base import Job, JobModel
    from edgebuild.devices.links.local import LocalLink

    job = Job(
        what="steps",
        models=(JobModel(path=str(model), call=step.call),),
        inputs=str(inputs),
        parameters={"most": step.most, "seed": step.seed},
    )
    LocalLink().execute(job, output, step.timeout_s)


def keep(inputs: Path, output: Path, leave: tuple[str, ...]) -> None:
    """The runs without some of their inputs."""
    from edgebuild.data.arrays import load_arrays, save_arrays

    output.mkdir(parents=True)
    arrays = load_arrays(inputs)
    save_arrays(output / "inputs.npz", {name: array for name, array in arrays.items() if name not in leave})
