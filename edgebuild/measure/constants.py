"""Inputs for the untouched source, which takes its constant inputs with each sample."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.models.inspect.constants import Constants, arrays
from edgebuild.models.inspect.facts import ModelFacts


class AddConstants(Step):
    """Write samples again with the inputs that a spec holds constant; labels and the index stay where there are any."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "inputs"

    samples: Artifact
    """A folder with `inputs.npz`."""
    model: Artifact
    """`model.json` of the untouched source."""
    constants: Constants

    def run(self, work: Workspace) -> None:
        """Write the folder."""
        add_constants(work.path(self.samples), work.path(self.model), work.output, self.constants)


def add_constants(samples: Path, model: Path, output: Path, constants: Constants) -> None:
    """The work itself, over paths and values.

    Raises:
        ValueError: an input cannot hold its value.
    """
    import numpy as np

    from edgebuild.data.arrays import load_arrays, save_arrays

    inputs = load_arrays(samples / "inputs.npz")
    count = len(next(iter(inputs.values())))
    facts = ModelFacts.model_validate_json(model.read_bytes())
    for name, value in arrays(constants, facts.inputs, {}).items():
        # A leading axis of 1 is the batch axis, which samples do not have.
        one = value[0] if value.shape[:1] == (1,) else value
        inputs[name] = np.repeat(one[None], count, axis=0)
    output.mkdir(parents=True)
    save_arrays(output / "inputs.npz", inputs)
    for name in ("labels.npz", "index.json"):
        if (samples / name).exists():
            shutil.copyfile(samples / name, output / name)
