"""Adaptive rounding: each weight up or down so that the layer's output, not the weight, is nearest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.onnx_values import taps
from edgebuild.compress.quantize.calibration import samples_of
from edgebuild.compress.quantize.onnx_interface import save_checked
from edgebuild.compress.quantize.repair.pairs import Numbers, Pair, pairs, with_names
from edgebuild.compress.quantize.repair.patches import as_stored, matrices, rows_of
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    Arrays = dict[str, np.ndarray]

BY = "rounding"
WIDEST = 4096
"""Inputs of a layer whose covariance is still taken: it has the square of so many numbers."""
SAMPLES = 64
SWEEPS = 12
"""Times over all weights of a layer at most; it ends where none changes."""
HELD = 0.01
"""Part of the mean energy of an input by which a weight is held to its own value, where the samples say little."""


class RoundWeights(Step):
    """Round the weights of every integer layer to what reproduces the layer's output best.

    Minimises E‖(w̃ - w)·x̃‖² over w̃ in {⌊w/s⌋·s, ⌈w/s⌉·s}, where x̃ is what the quantized layer reads: one weight after
    another in turn, for all outputs at once, from rounding to nearest.
    The scales stay. Left alone: transposed convolutions and layers whose weights are shared.

    Source: Nagel et al. 2020, arXiv:2004.10568, eq. 20; solved by coordinate descent in place of a relaxation.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False

    model: Artifact
    """In floating point, as it was quantized."""
    quantized: Artifact
    calibration: Artifact
    """A sample folder."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: no layer has integer weights, or ONNX Runtime declines one of the models."""
        inputs = work.path(self.calibration) / "inputs.npz"
        round_weights(work.path(self.model), work.path(self.quantized), inputs, work.output)


def round_weights(model: Path, quantized: Path, inputs: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    import onnx

    floating, changed = with_names(onnx.load(model)), onnx.load(quantized)
    rounded(floating, changed, samples_of(model, inputs, SAMPLES))
    save_checked(onnx.load(quantized), changed, output, BY)


def rounded(floating: ModelProto, quantized: ModelProto, feeds: list[Arrays]) -> None:
    """Round the weights of `quantized` in place.

    Raises:
        Refused: no layer has integer weights of its own.
    """
    before, after = Numbers(floating), Numbers(quantized)
    layers = [pair for pair in pairs(floating, quantized) if adaptable(pair, before, after)]
    if not layers:
        raise Refused(by=BY, why="no layer of the model has integer weights of its own.", kind="not applicable")
    for pair, energy in zip(layers, observe(quantized, layers, before, feeds), strict=True):
        name = pair.quantized.input[1]
        wanted = matrices(before.real(pair.floating.input[1]), pair.floating)
        scale = matrices(after.scale(name) + 0 * after.real(name), pair.floating)
        found = nearest(wanted, scale, energy)
        after.write(name, as_stored(found, pair.floating, before.array(pair.floating.input[1]).shape))


def adaptable(pair: Pair, before: Numbers, after: Numbers) -> bool:
    """Whether a layer has integer weights that nobody else reads, and not too many inputs."""
    name, weights = pair.quantized.input[1], pair.floating.input[1]
    if pair.floating.op_type == "ConvTranspose" or weights not in before.tensors or before.array(weights).ndim < 2:
        return False
    if matrices(before.real(weights), pair.floating).shape[-1] > WIDEST:
        return False
    node = after.integers(name)
    readers = [item for item in after.model.graph.node if name in item.input]
    return node is not None and len(readers) == 1 and after.array(node.input[0]).dtype.itemsize == 1


def observe(model: ModelProto, layers: list[Pair], numbers: Numbers, feeds: list[Arrays]) -> list[np.ndarray]:
    """Covariance of what each layer reads, float64 (groups, inputs, inputs): moving the mean is for the bias."""
    import numpy as np

    shapes = [numbers.array(pair.floating.input[1]).shape for pair in layers]
    found: list[list[np.ndarray]] = []
    for values in taps(model, [pair.quantized.input[0] for pair in layers], feeds):
        for row, (pair, shape) in enumerate(zip(layers, shapes, strict=True)):
            rows = rows_of(values[pair.quantized.input[0]], pair.floating, shape)
            # One by one: numpy takes a stack of turned matrices without BLAS, 10 times as slow (measured).
            square = np.stack([part.T @ part for part in rows]).astype(np.float64)
            sums = [square, rows.sum(axis=1, dtype=np.float64), np.array(rows.shape[1])]
            if row == len(found):
                found.append(sums)
            else:
                found[row] = [one + other for one, other in zip(found[row], sums, strict=True)]
    return [square / count - mean[:, :, None] * mean[:, None, :] / count**2 for square, mean, count in found]


def nearest(wanted: np.ndarray, scale: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Weights on the grid whose outputs are nearest.

    Args:
        wanted: w in floating point, float64 (groups, outputs, inputs).
        scale: of each of them.
        energy: covariance of the inputs, (groups, inputs, inputs).

    Returns:
        w̃ of the same shape as `wanted`.
    """
    import numpy as np

    count = wanted.shape[2]
    energy, diagonal = energy.copy(), np.arange(count)
    energy[:, diagonal, diagonal] += HELD * np.trace(energy, axis1=1, axis2=2)[:, None] / count + 1e-12
    low, high = np.floor(wanted / scale) * scale, np.ceil(wanted / scale) * scale
    found: np.ndarray = np.rint(wanted / scale) * scale
    slope = (found - wanted) @ energy
    for _ in range(SWEEPS):
        moved = 0
        for row in range(count):
            best = found[:, :, row] - slope[:, :, row] / energy[:, row, row][:, None]
            up = np.abs(best - high[:, :, row]) < np.abs(best - low[:, :, row])
            step = np.where(up, high[:, :, row], low[:, :, row]) - found[:, :, row]
            if not step.any():
                continue
            moved += int(np.count_nonzero(step))
            found[:, :, row] += step
            slope += step[:, :, None] * energy[:, row][:, None, :]
        if not moved:
            break
    return found
