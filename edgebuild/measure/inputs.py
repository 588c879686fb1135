"""What a model is fed while it is timed and weighed: a few samples, the same ones however much their split grows."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact


class PickInputs(Step):
    """The inputs of a few samples, those first at which their split begins to take.

    A split that grows takes samples farther from there, so that these stay: numbers of a run on them need not be taken
    again. Writes a folder with `inputs.npz`.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "inputs"

    samples: Artifact
    """The split `select`."""
    count: int = 16
    """As many as a timing run goes through in turn."""
    seed: int = 0
    """Of the splits."""
    grouped: bool = False

    def run(self, work: Workspace) -> None:
        """Write the folder."""
        pick(work.path(self.samples), work.output, self.count, self.seed, self.grouped)


def pick(samples: Path, output: Path, count: int, seed: int, grouped: bool) -> None:
    """The inputs of the samples nearest to where `select` begins, the nearest first."""
    from edgebuild.data.arrays import load_arrays, save_arrays
    from edgebuild.data.partition import POINT, place_of
    from edgebuild.data.samples import SampleSet

    split = SampleSet.load(samples, inputs=False)
    names = split.groups if grouped else split.ids
    order = sorted(range(len(split)), key=lambda row: (abs(place_of(seed, names[row]) - POINT["select"]), row))
    output.mkdir(parents=True)
    arrays = load_arrays(samples / "inputs.npz")
    save_arrays(output / "inputs.npz", {name: array[order[:count]] for name, array in arrays.items()})
