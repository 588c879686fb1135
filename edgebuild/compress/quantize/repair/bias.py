"""Bias correction: what quantization moves the mean of a layer's output by, taken back in its bias."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.onnx_values import taps
from edgebuild.compress.quantize.calibration import samples_of
from edgebuild.compress.quantize.onnx_interface import save_checked
from edgebuild.compress.quantize.repair.pairs import Numbers, Pair, pairs, with_names
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    Arrays = dict[str, np.ndarray]

BY = "bias"
SAMPLES = 64
"""Of which the means are taken."""


class CorrectBias(Step):
    """Move the bias of every layer by the mean error of its output, channel by channel.

    Given:   q(x) → Conv(q(w), b) → y + ε
    Result:  q(x) → Conv(q(w), b - E[ε]) → y + ε - E[ε]

    Measured on calibration samples, between the model in floating point and the quantized one, layer after layer in
    the order of execution. Where the answers come out no nearer, all biases stay. Layers without bias are left alone.

    Source: Nagel et al. 2019, arXiv:1906.04721, section 4.2, the empirical form.
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
        """Raises: Refused: no layer has a bias, or ONNX Runtime declines one of the models."""
        inputs = work.path(self.calibration) / "inputs.npz"
        correct_bias(work.path(self.model), work.path(self.quantized), inputs, work.output)


def correct_bias(model: Path, quantized: Path, inputs: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    import onnx

    floating, before = with_names(onnx.load(model)), onnx.load(quantized)
    corrected(floating, before, samples_of(model, inputs, SAMPLES))
    save_checked(onnx.load(quantized), before, output, BY)


def corrected(floating: ModelProto, quantized: ModelProto, feeds: list[Arrays]) -> None:
    """Correct the biases of `quantized` in place.

    Raises:
        Refused: no layer has a bias.
    """
    numbers = Numbers(quantized)
    layers = [pair for pair in pairs(floating, quantized) if bias_of(pair, numbers)]
    if not layers:
        raise Refused(by=BY, why="no layer of the model has a bias.", kind="not applicable")
    answers = [item.name for item in floating.graph.output]
    names = [pair.floating.output[0] for pair in layers]
    wanted, reference = observe(floating, names, answers, feeds)
    before = [numbers.real(bias_of(pair, numbers)) for pair in layers]
    first = noise_of(quantized, answers, feeds, reference)
    for pair, want in zip(layers, wanted, strict=True):
        # One by one: all at once, a layer also corrects what those before it correct, and the error grows (measured).
        (mean,), _given = observe(quantized, [pair.quantized.output[0]], [], feeds)
        name = bias_of(pair, numbers)
        bias = numbers.real(name)
        numbers.write(name, bias + (want - mean).reshape(bias.shape))
    if noise_of(quantized, answers, feeds, reference) >= first:
        for pair, bias in zip(layers, before, strict=True):
            numbers.write(bias_of(pair, numbers), bias)


def noise_of(model: ModelProto, answers: list[str], feeds: list[Arrays], reference: list[np.ndarray]) -> float:
    """Energy of what the answers differ by."""
    _, given = observe(model, [], answers, feeds)
    return sum(float(((one - other) ** 2).sum()) for one, other in zip(given, reference, strict=True))


def bias_of(pair: Pair, numbers: Numbers) -> str:
    """Name of the stored bias of the quantized layer that has one number for each channel, else ""."""
    names = pair.quantized.input
    if len(names) < 3 or not numbers.has(names[2]):
        return ""
    readers = [node for node in numbers.model.graph.node if names[2] in node.input]
    weights = numbers.real(names[1]).shape if numbers.has(names[1]) else ()
    return names[2] if len(readers) == 1 and numbers.real(names[2]).size in weights else ""


def observe(
    model: ModelProto, names: list[str], answers: list[str], feeds: list[Arrays]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Means of tensors over samples and positions, (channels,) each, and the answers in one array for each sample."""
    import numpy as np

    sums: list[np.ndarray] = []
    given: list[np.ndarray] = []
    for values in taps(model, [*names, *answers], feeds):
        means = [by_channel(values[name]) for name in names]
        sums = means if not sums else [one + other for one, other in zip(sums, means, strict=True)]
        given.append(np.concatenate([values[name].reshape(-1).astype(np.float64) for name in answers] or [np.zeros(0)]))
    return [item / len(feeds) for item in sums], given


def by_channel(value: np.ndarray) -> np.ndarray:
    """Mean of each channel, axis 1 of what convolutions and Gemm make."""
    import numpy as np

    axis = min(1, value.ndim - 1)
    found: np.ndarray = np.moveaxis(value, axis, 0).reshape(value.shape[axis], -1).mean(axis=1, dtype=np.float64)
    return found
