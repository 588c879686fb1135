"""Cross-layer equalization: channels rescaled between layers, so that each fills its range, with the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.quantize.onnx_interface import save_checked
from edgebuild.compress.quantize.repair.channels import Channels, Finder
from edgebuild.compress.quantize.repair.layers import unshared
from edgebuild.compress.quantize.repair.sides import Side, magnitudes, scaled
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    Arrays = dict[str, np.ndarray]

BY = "equalize"
SWEEPS, TOLERANCE = 400, 1e-3
"""Times over all groups at most; relative change of a scale below which no sweep follows. 20 sweeps left a damaged
MobileNet broken that 100 repaired (measured)."""
DEAD = 1e-5
"""Part of the largest channel below which one counts as dead: its scale would follow rounding, not weights."""
LIMIT = 2.0**16
"""Largest scale of a channel, and its reciprocal the smallest; beyond it a bias would leave float32's accuracy."""


class Equalize(Step):
    """Give every channel of an activation the same range of weights before and after it.

    Given:   x → Conv(w₁, b₁) → Relu → Conv(w₂, b₂) → y
    Result:  x → Conv(w₁/s, b₁/s) → Relu → Conv(w₂·s, b₂) → y,   s = √(max|w₁| / max|w₂|) for each channel

    Repeated until nothing moves. Of layers that add up, or that read the same activation, the largest counts. Channels
    whose weights are all about 0 get their scale from the others. Left alone: activations whose operators are not
    scale-equivariant (Clip, Sigmoid, Concat, …), and inputs and outputs of the model.

    Source: Nagel et al. 2019, arXiv:1906.04721, section 4.1, eq. 11.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False

    model: Artifact
    """In floating point, batch normalisation folded."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: no activation of the model can be rescaled."""
        equalize(work.path(self.model), work.output)


def equalize(model: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    import onnx

    loaded = unshared(onnx.load(model))
    finder = Finder(loaded)
    groups = [group for group in finder.groups() if group.free]
    if not groups:
        raise Refused(by=BY, why="no activation lies between layers that could take a scale up.", kind="not applicable")
    stored = finder.stored
    settle(groups, stored)
    save_checked(onnx.load(model), with_stored(loaded, stored), output, BY)


def settle(groups: list[Channels], stored: Arrays) -> int:
    """Rescale until nothing moves; returns the number of sweeps."""
    import numpy as np

    total = {id(group): np.ones(group.count) for group in groups}
    for sweep in range(SWEEPS):
        moved = 0.0
        for group in groups:
            before = total[id(group)]
            wanted = np.clip(before * balance(group, stored), 1 / LIMIT, LIMIT)
            rescale(group, stored, wanted / before)
            total[id(group)] = wanted
            moved = max(moved, float(np.abs(np.log(wanted / before)).max()))
        if moved < TOLERANCE:
            return sweep + 1
    return SWEEPS


def balance(group: Channels, stored: Arrays) -> np.ndarray:
    """What each channel is to be divided by, (channels,): √(r₁/r₂) of the largest weights that make and read it."""
    import numpy as np

    made = strongest(group.makers, stored, group.count)
    read = strongest(group.readers, stored, group.count)
    alive = (made > DEAD * made.max(initial=0.0)) & (read > DEAD * read.max(initial=0.0))
    if not alive.any():
        return np.ones(group.count)
    found = np.ones(group.count)
    found[alive] = np.sqrt(made[alive] / read[alive])
    # One that nobody reads would still widen the range of the others.
    unread = ~alive & (made > DEAD * made.max())
    found[unread] = made[unread] / np.median(made[alive] / found[alive])
    return found


def strongest(sides: list[Side], stored: Arrays, count: int) -> np.ndarray:
    """Largest magnitude of each channel; biases do not count where weights do."""
    import numpy as np

    weights = [side for side in sides if stored[side.name].ndim > 1] or sides
    found: np.ndarray = np.max([magnitudes(stored[side.name], side, count) for side in weights], axis=0)
    return found


def rescale(group: Channels, stored: Arrays, factors: np.ndarray) -> None:
    """Divide what makes the channels by the factors, multiply what reads them."""
    for side in group.makers:
        stored[side.name] = scaled(stored[side.name], side, 1 / factors)
    for side in group.readers:
        stored[side.name] = scaled(stored[side.name], side, factors)


def with_stored(model: ModelProto, stored: Arrays) -> ModelProto:
    """The model with these numbers in its initializers."""
    import onnx

    for tensor in model.graph.initializer:
        tensor.CopyFrom(onnx.numpy_helper.from_array(stored[tensor.name], tensor.name))
    return model
