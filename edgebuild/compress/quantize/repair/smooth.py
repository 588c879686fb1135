"""Smoothing: the range of activations moved into the weights that read them, channel by channel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.onnx_values import taps
from edgebuild.compress.quantize.calibration import samples_of
from edgebuild.compress.quantize.onnx_interface import save_checked
from edgebuild.compress.quantize.repair.channels import Channels, Finder
from edgebuild.compress.quantize.repair.equalize import DEAD, LIMIT, rescale, with_stored
from edgebuild.compress.quantize.repair.layers import unshared
from edgebuild.compress.quantize.repair.sides import Side, relative, scaled
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    Arrays = dict[str, np.ndarray]

BY = "smooth"
UNEVEN = 4.0
"""Loudest over median channel above which a multiplication is inserted where no operator takes the scale up."""


class SmoothActivations(Step):
    """Divide loud channels of an activation before it is quantized, and multiply the weights that read them.

    Given:   x → LayerNormalization(γ, β) → h → MatMul(w) → y
    Result:  x → LayerNormalization(γ/s, β/s) → h/s → MatMul(s·w) → y,   s = max|h|^α / max|w|^(1-α) for each channel

    What makes the activation takes the scale up: a normalisation, a convolution, a product, through what is
    scale-equivariant. Elsewhere a multiplication is inserted before a MatMul or Gemm, where its channels are uneven.
    Weights count in parts of the largest of their output channel, since they are quantized per channel.

    Source: Xiao et al. 2023, arXiv:2211.10438, eq. 4; there for transformers and normalisations alone.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False

    model: Artifact
    """In floating point."""
    calibration: Artifact
    """A sample folder."""
    alpha: float = 0.5
    """How much of the range goes into the weights: 0 none, 1 all."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: no activation can be smoothed."""
        inputs = work.path(self.calibration) / "inputs.npz"
        smooth(work.path(self.model), inputs, work.output, self.alpha)


def smooth(model: Path, inputs: Path, output: Path, alpha: float) -> None:
    """The work itself, over paths and values."""
    import onnx

    loaded = unshared(onnx.load(model))
    finder = Finder(loaded)
    every = finder.groups()
    groups = [group for group in every if group.free]
    apart = inserted(loaded, every)
    names = {name for group in groups for name in group.read} | set(apart)
    if not names:
        raise Refused(by=BY, why="no activation is read by weights that could take a scale up.", kind="not applicable")
    loudest = loudness(loaded, finder, names, samples_of(model, inputs))
    factors = [
        scales(group, finder.stored, max_of([loudest[name] for name in group.read], group.count), alpha)
        for group in groups
    ]
    for group, factor in zip(groups, factors, strict=True):
        rescale(group, finder.stored, factor)
    count = len(groups)
    for name, sides in apart.items():
        heard = loudest[name]
        if float(heard.max()) > UNEVEN * float(max(sorted(heard)[len(heard) // 2], 1e-30)):
            insert(loaded, finder.stored, name, sides, heard, alpha)
            count += 1
    if not count:
        raise Refused(by=BY, why="no activation has channels that are louder than others.", kind="not applicable")
    save_checked(onnx.load(model), with_stored(loaded, finder.stored), output, BY)


def inserted(model: ModelProto, groups: list[Channels]) -> dict[str, list[Side]]:
    """Activations of matrix products that none but an inserted operator can rescale, with their readers."""
    frozen = {name for group in groups if not group.free for name in group.read}
    found: dict[str, list[Side]] = {}
    for node in model.graph.node:
        if node.op_type in ("MatMul", "Gemm") and node.input[0] in frozen:
            for group in groups:
                if node.input[0] in group.read:
                    sides = [side for side in group.readers if side.name == node.input[1]]
                    found.setdefault(node.input[0], []).extend(sides)
    return {name: sides for name, sides in found.items() if sides}


def loudness(model: ModelProto, finder: Finder, names: set[str], feeds: list[Arrays]) -> Arrays:
    """Largest magnitude of each channel of each tensor over the samples, (channels,)."""
    import numpy as np

    found: Arrays = {}
    for values in taps(model, sorted(names), feeds):
        for name, value in values.items():
            axis = 1 if "first" in finder.group(name).axes else value.ndim - 1
            heard = np.abs(np.moveaxis(value, axis, 0).reshape(value.shape[axis], -1)).max(axis=1)
            found[name] = np.maximum(found[name], heard) if name in found else heard
    return {name: value.astype(np.float64) for name, value in found.items()}


def max_of(heard: list[np.ndarray], count: int) -> np.ndarray:
    """Of several tensors of one group; those that were flattened have several numbers for each channel."""
    import numpy as np

    found: np.ndarray = np.max([item.reshape(count, -1).max(axis=1) for item in heard], axis=0)
    return found


def scales(group: Channels, stored: Arrays, heard: np.ndarray, alpha: float) -> np.ndarray:
    """What each channel is divided by, 1 on average (geometric mean)."""
    import numpy as np

    held = [side for side in group.readers if not side.free]
    weights = [relative(stored[side.name], side, group.count) for side in held]
    # Readers with a scale for each channel take up all of it at no cost.
    return migrated(heard, np.max(weights, axis=0), alpha) if weights else migrated(heard, np.ones(group.count), 1.0)


def migrated(heard: np.ndarray, weights: np.ndarray, alpha: float) -> np.ndarray:
    """Scales s = max|h|^α / max|w|^(1-α), eq. 4; 1 for a channel that says nothing."""
    import numpy as np

    alive = (heard > DEAD * heard.max(initial=0.0)) & (weights > DEAD * weights.max(initial=0.0))
    found = np.ones(len(heard))
    if alive.any():
        wanted = heard[alive] ** alpha / weights[alive] ** (1 - alpha)
        found[alive] = np.clip(wanted / np.exp(np.log(wanted).mean()), 1 / LIMIT, LIMIT)
    return found


def insert(model: ModelProto, stored: Arrays, name: str, sides: list[Side], heard: np.ndarray, alpha: float) -> None:
    """A multiplication between a tensor and the products that read it."""
    import numpy as np
    import onnx

    weights = np.max([relative(stored[side.name], side, len(heard)) for side in sides], axis=0)
    factors = migrated(heard, weights, alpha)
    made = f"{name}_smoothed"
    constant = onnx.numpy_helper.from_array((1 / factors).astype(np.float32), f"{made}_by")
    model.graph.initializer.append(constant)
    stored[constant.name] = onnx.numpy_helper.to_array(constant)
    for side in sides:
        stored[side.name] = scaled(stored[side.name], side, factors)
    weighted = {side.name for side in sides}
    readers = [row for row, node in enumerate(model.graph.node) if name in node.input and weighted & set(node.input)]
    for row in readers:
        model.graph.node[row].input[0] = made
    node = onnx.helper.make_node("Mul", [name, constant.name], [made], name=made)
    model.graph.node.insert(readers[0], node)
