"""Structured pruning of ONNX models: measure, choose channels, leave them out, make up for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from edgebuild.compress.onnx_nodes import inputs_of
from edgebuild.compress.prune.account import BY, Pruning
from edgebuild.compress.prune.choice import Asked, chosen
from edgebuild.compress.prune.onnx_cut import Feeds, example, hold_against, narrowed, run, unread
from edgebuild.compress.prune.onnx_graph import onnx_network
from edgebuild.compress.prune.onnx_repair import repaired
from edgebuild.compress.prune.scores import magnitudes
from edgebuild.compress.prune.sensitivity import MOST, Outputs, Progress, lost_power, measured
from edgebuild.compress.quantize.calibration import feeds
from edgebuild.compress.quantize.onnx_interface import save_checked
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import words_of

TOOLS = ("onnx", "onnxruntime", "numpy")


class MeasureOnnxPruning(Step):
    """Make one group narrower at a time and see what becomes of the outputs; writes a `Sensitivity` (JSON)."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = TOOLS
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "sensitivity.json"
    portable: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 7200.0

    model: Artifact
    calibration: Artifact
    """A sample folder."""
    multiple: int = 8
    criterion: Literal["l2", "l1"] = "l2"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the samples are not this model's."""
        measure_onnx(
            work.path(self.model),
            work.path(self.calibration) / "inputs.npz",
            work.output,
            self.multiple,
            self.criterion,
            progress=work.progress,
        )


def measure_onnx(
    model: Path, samples: Path, output: Path, multiple: int = 8, criterion: str = "l2", progress: Progress | None = None
) -> None:
    """The work itself, over paths and values."""
    import numpy as np
    import onnx

    loaded, given = onnx.load(model), feeds(inputs_of(model), samples, BY)[:MOST]
    network = onnx_network(loaded)

    def told(of: Any) -> Outputs:
        return [[np.asarray(item, np.float64) for item in answer] for answer in run(of, given)]

    whole = told(loaded)
    made = measured(
        network.groups(),
        magnitudes(network, network.stored(), criterion),
        (criterion, multiple, len(given)),
        lambda out: lost_power(whole, told(unread(network, out))),
        progress,
    )
    output.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")


class PlanOnnxPruning(Step):
    """Choose the channels to leave out of an ONNX model; writes a `Pruning` (JSON)."""

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "pruning.json"
    # Sums of squares decide between channels that are worth almost the same.
    portable: ClassVar[bool] = False

    model: Artifact
    keep: float
    """Part of the channels of each group that stays."""
    multiple: int = 8
    criterion: Literal["l2", "l1"] = "l2"
    sensitivity: Artifact | None = None
    """Of `MeasureOnnxPruning`; with it groups that matter keep more, and others less, for the same work."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: nothing can be left out."""
        plan_onnx(
            work.path(self.model),
            work.output,
            keep=self.keep,
            multiple=self.multiple,
            criterion=self.criterion,
            sensitivity=work.path(self.sensitivity) if self.sensitivity else None,
        )


def plan_onnx(
    model: Path, output: Path, *, keep: float, multiple: int = 8, criterion: str = "l2", sensitivity: Path | None = None
) -> None:
    """The work itself, over paths and values."""
    import onnx

    network = onnx_network(onnx.load(model))
    made = chosen(network, network.stored(), Asked(criterion, multiple, keep), sensitivity)
    output.write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")


class CutOnnxChannels(Step):
    """Leave channels out of an ONNX model, and of everything that reads them.

    Given:   x → Conv(w[N, C, …]) → Relu → Conv(v[M, N, …]) → y
    Result:  x → Conv(w[n, C, …]) → Relu → Conv(v[M, n, …]) → y

    Inputs and outputs stay as they are. What it makes is held against the model with zeros where those channels are
    read.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = TOOLS
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    # It declines by what ONNX Runtime computes.
    portable: ClassVar[bool] = False

    model: Artifact
    pruning: Artifact
    """Of `PlanOnnxPruning`, of the same model."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the narrower model does not answer what it should."""
        cut_onnx(work.path(self.model), work.path(self.pruning), work.output)


def cut_onnx(model: Path, plan: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    import onnx

    loaded = onnx.load(model)
    network = onnx_network(loaded)
    left_out = Pruning.model_validate_json(plan.read_bytes()).classes(network)
    made = narrowed(network, left_out)
    with words_of("onnxruntime"):
        hold_against(network, made, left_out, example(network))
    save_checked(loaded, made, output, BY)


class RepairOnnx(Step):
    """Make up for channels that were left out, without training: fit the weights that read the others.

    Given:   x' → Conv(v, b) → y'          where the whole model has y
    Result:  x' → Conv(v + Δ, b + δ) → y″   with the least Σ (y - y″)² over calibration samples

    One layer after the other, from what the layers before it now give (arXiv:1707.06168, section 3.2).
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = TOOLS
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 7200.0

    model: Artifact
    """The whole one."""
    pruned: Artifact
    """Of `CutOnnxChannels`."""
    pruning: Artifact
    calibration: Artifact
    """A sample folder."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the samples are not this model's."""
        repair_onnx(
            work.path(self.model),
            work.path(self.pruned),
            work.path(self.pruning),
            work.path(self.calibration) / "inputs.npz",
            work.output,
            progress=work.progress,
        )


def repair_onnx(
    model: Path, pruned: Path, plan: Path, samples: Path, output: Path, progress: Progress | None = None
) -> None:
    """The work itself, over paths and values."""
    import onnx

    given: Feeds = feeds(inputs_of(model), samples, BY)
    network, narrow = onnx_network(onnx.load(model)), onnx.load(pruned)
    left_out = Pruning.model_validate_json(plan.read_bytes()).classes(network)
    save_checked(narrow, repaired(network, narrow, left_out, given, progress), output, BY)
