"""Structured pruning of Keras models: choose channels, leave them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from edgebuild.compress.prune.account import Pruning
from edgebuild.compress.prune.choice import Asked, chosen
from edgebuild.compress.prune.keras_cut import hold_against, narrowed, stored
from edgebuild.compress.prune.keras_graph import functional, keras_network
from edgebuild.compress.prune.keras_repair import repair
from edgebuild.compress.prune.keras_sensitivity import batches
from edgebuild.compress.prune.sensitivity import Progress
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import words_of
from edgebuild.models.convert.traced import load_keras, quiet
from edgebuild.models.tidy.keras_archive import canonical_keras


class PlanPruning(Step):
    """Choose the channels to leave out of a Keras model; writes a `Pruning` (JSON)."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "pruning.json"
    # Sums of squares decide between channels that are worth almost the same.
    portable: ClassVar[bool] = False

    model: Artifact
    """A `.keras` or `.h5` file."""
    keep: float
    """Part of the channels of each group that stays."""
    multiple: int = 8
    criterion: Literal["l2", "l1"] = "l2"
    sensitivity: Artifact | None = None
    """Of `MeasurePruningSensitivity`; with it groups that matter keep more, and others less, for the same work."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: nothing can be left out."""
        plan_pruning(
            work.path(self.model),
            work.output,
            keep=self.keep,
            multiple=self.multiple,
            criterion=self.criterion,
            sensitivity=work.path(self.sensitivity) if self.sensitivity else None,
        )


def plan_pruning(
    model: Path, output: Path, *, keep: float, multiple: int = 8, criterion: str = "l2", sensitivity: Path | None = None
) -> None:
    """The work itself, over paths and values."""
    quiet()
    with words_of("keras"):
        opened = load_keras(model)
    network = keras_network(opened)
    made = chosen(network, stored(network), Asked(criterion, multiple, keep), sensitivity)
    output.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")


class CutChannels(Step):
    """Leave channels out of a Keras model, and of everything that reads them.

    Given:   x → Conv(w[…, C, N]) → BatchNormalization[N] → Relu → Conv(v[…, N, M]) → y
    Result:  x → Conv(w[…, C, n]) → BatchNormalization[n] → Relu → Conv(v[…, n, M]) → y

    Inputs and outputs stay as they are. What it makes is held against the model with zeros where those channels are
    read.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "model.keras"

    model: Artifact
    """A `.keras` or `.h5` file."""
    pruning: Artifact
    """Of `PlanPruning`, of the same model."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the narrower model does not answer what it should."""
        cut_channels(work.path(self.model), work.path(self.pruning), work.output)


def cut_channels(model: Path, plan: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    quiet()
    with words_of("keras"):
        opened = load_keras(model)
    network = keras_network(opened)
    left_out = Pruning.model_validate_json(plan.read_bytes()).classes(network)
    made = narrowed(opened, network, left_out)
    with words_of("keras"):
        hold_against(opened, made, network, left_out, example(opened))
        made.save(output)
    canonical_keras(output)


class RepairKeras(Step):
    """Make up for channels that were left out, before or without training: fit the weights that read the others.

    Given:   x' → Conv(v, b) → y'          where the whole model has y
    Result:  x' → Conv(v + Δ, b + δ) → y″   with the least Σ (y - y″)² over calibration samples

    One layer after the other, from what the layers before it now give (arXiv:1707.06168, section 3.2).
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "model.keras"
    portable: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 7200.0

    model: Artifact
    """The whole one."""
    pruned: Artifact
    """Of `CutChannels`."""
    pruning: Artifact
    calibration: Artifact
    """A sample folder."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the samples are not this model's."""
        repair_keras(
            work.path(self.model),
            work.path(self.pruned),
            work.path(self.pruning),
            work.path(self.calibration) / "inputs.npz",
            work.output,
            progress=work.progress,
        )


def repair_keras(
    model: Path, pruned: Path, plan: Path, samples: Path, output: Path, progress: Progress | None = None
) -> None:
    """The work itself, over paths and values."""
    quiet()
    with words_of("keras"):
        opened, narrow = load_keras(model), load_keras(pruned)
    network = keras_network(opened)
    left_out = Pruning.model_validate_json(plan.read_bytes()).classes(network)
    repair(opened, narrow, network, left_out, batches(opened, samples), progress)
    with words_of("keras"):
        narrow.save(output)
    canonical_keras(output)


def example(model: Any) -> Any:
    """Inputs to compare two models by: unit normals, two samples; small whole numbers where integers are wanted."""
    import keras
    import numpy as np

    random = np.random.default_rng(0)

    def one(tensor: Any) -> Any:
        shape = [2, *(size or 32 for size in tensor.shape[1:])]
        if tensor.shape[0] is not None:
            shape[0] = tensor.shape[0]
        if "int" in str(tensor.dtype):
            return random.integers(0, 2, shape).astype(str(tensor.dtype))
        return random.normal(size=shape).astype(np.float32)

    return keras.tree.map_structure(one, functional(model)._inputs_struct)
