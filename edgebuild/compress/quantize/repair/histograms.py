"""Histograms of activations, taken once; every way to choose ranges reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.compress.onnx_values import taps
from edgebuild.compress.quantize.calibration import samples_of
from edgebuild.compress.quantize.ranges import endless, write_ranges
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

BINS = 2048
LEVELS = 256
"""Integers of eight bits."""
COARSEST = 0.3
"""Part of the whole range below which none is tried."""
COUNT = 48
"""Ranges that are tried for each bound."""

Choice = Literal["minmax", "percentile", "entropy", "mse"]


class TakeHistograms(Step):
    """Histogram of every activation over the calibration samples, between its lowest and highest value.

    Writes `tensors` (names), `bounds` float64 (tensors, 2), `counts` int64 (tensors, bins) and `samples`.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "histograms.npz"
    portable: ClassVar[bool] = False

    model: Artifact
    """In floating point."""
    calibration: Artifact
    """A sample folder."""
    bins: int = BINS

    def run(self, work: Workspace) -> None:
        """Raises: Refused: ONNX Runtime declines the model, or the samples are not its own."""
        take_histograms(work.path(self.model), work.path(self.calibration) / "inputs.npz", work.output, self.bins)


def take_histograms(model: Path, inputs: Path, output: Path, bins: int) -> None:
    """The work itself, over paths and values: once over the samples for the bounds, once for the counts."""
    import numpy as np
    import onnx

    loaded, feeds = onnx.load(model), samples_of(model, inputs)
    names = activations(loaded)
    bounds = dict.fromkeys(names, (np.inf, -np.inf))
    for values in taps(loaded, names, feeds):
        for name, value in values.items():
            low, high = bounds[name]
            if not np.isfinite(value).all():
                raise endless(name)
            bounds[name] = (min(low, float(value.min())), max(high, float(value.max()))) if value.size else (low, high)
    bounds = {name: pair if pair[0] <= pair[1] else (0.0, 0.0) for name, pair in bounds.items()}
    counts = {name: np.zeros(bins, np.int64) for name in names}
    for values in taps(loaded, names, feeds):
        for name, value in values.items():
            counts[name] += np.histogram(value, bins=bins, range=bounds[name])[0]
    np.savez(
        output,
        tensors=np.array(names),
        bounds=np.array([bounds[name] for name in names], np.float64).reshape(-1, 2),
        counts=np.array([counts[name] for name in names], np.int64).reshape(-1, bins),
        samples=np.array(len(feeds)),
    )


def activations(model: ModelProto) -> list[str]:
    """Float tensors that operators with an integer form read or make, in the order of the graph."""
    import onnx

    from edgebuild.compress.quantize.onnx_static import quantizable

    kinds, stored = set(quantizable()), {tensor.name for tensor in model.graph.initializer}
    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = [*inferred.value_info, *inferred.input, *inferred.output]
    floats = {item.name for item in values if item.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    found = [
        name
        for node in model.graph.node
        if node.op_type in kinds
        for name in (*node.input, *node.output)
        if name in floats and name not in stored
    ]
    return list(dict.fromkeys(found))


class ChooseRanges(Step):
    """The range of each activation that a method finds in its histogram.

    `minmax` keeps all; `percentile` cuts off a part at each end; `entropy` has the least Kullback-Leibler divergence
    between the values and the quantized values (Migacz 2017, "8-bit inference with TensorRT"); `mse` the least mean
    squared error of values rounded to 256 levels. Writes what `CalibrateRanges` writes.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "ranges.json"
    portable: ClassVar[bool] = False

    histograms: Artifact
    method: Choice = "mse"
    percentile: float = 99.99
    """Of the values in %, for `percentile` alone."""

    def run(self, work: Workspace) -> None:
        """Bounds with 12 significant bits."""
        choose_ranges(work.path(self.histograms), work.output, self.method, self.percentile)


def choose_ranges(histograms: Path, output: Path, method: str, percentile: float) -> None:
    """The work itself, over paths and values."""
    import numpy as np

    with np.load(histograms) as archive:
        names, bounds = archive["tensors"].tolist(), archive["bounds"].tolist()
        counts, samples = archive["counts"], int(archive["samples"])
    found = {
        name: chosen(row, low, high, method, percentile)
        for name, row, (low, high) in zip(names, counts, bounds, strict=True)
    }
    write_ranges(output, method, samples, found)


def chosen(counts: np.ndarray, low: float, high: float, method: str, percentile: float = 99.99) -> tuple[float, float]:
    """The range by a method.

    Args:
        counts: int64 (bins,), evenly between the bounds.
        low: lowest value that was seen.
        high: highest.
        method: a `Choice`.
        percentile: in %.
    """
    import numpy as np

    if method == "minmax" or low >= high:
        return low, high
    edges = np.linspace(low, high, len(counts) + 1)
    if method == "percentile":
        part = np.cumsum(counts) / counts.sum()
        rest = (100 - percentile) / 200
        first = int(np.searchsorted(part, rest))
        last = int(np.searchsorted(part, 1 - rest))
        return float(edges[first]), float(edges[min(last + 1, len(counts))])
    loss = {"entropy": divergence, "mse": squared}[method]
    steps = np.linspace(1.0, COARSEST, COUNT)
    ranges = [(low * part, high * part) for part in steps]
    best = least(ranges, counts, edges, loss)
    # Then each bound for itself: most activations are far from even on both sides of 0.
    best = least([(low * part, best[1]) for part in steps if low * part <= 0], counts, edges, loss) if low < 0 else best
    return least([(best[0], high * part) for part in steps], counts, edges, loss) if high > 0 else best


def least(
    ranges: Sequence[tuple[float, float]], counts: np.ndarray, edges: np.ndarray, loss: object
) -> tuple[float, float]:
    """The range of least loss, the widest of equals."""
    assert callable(loss)
    return min(ranges, key=lambda item: float(loss(counts, edges, *item)))


def squared(counts: np.ndarray, edges: np.ndarray, low: float, high: float) -> float:
    """Sum of squared errors of values that are rounded to 256 levels of a range, which holds 0."""
    import numpy as np

    low, high = min(low, 0.0), max(high, 0.0)
    centres = (edges[:-1] + edges[1:]) / 2
    step = max(high - low, 1e-30) / (LEVELS - 1)
    width = edges[1] - edges[0]
    outside = np.maximum(low - centres, 0) + np.maximum(centres - high, 0)
    # 0 itself, where ReLU puts most values, is always exact.
    exact = (edges[:-1] <= 0) & (edges[1:] >= 0) & (counts > counts.sum() / 4)
    inside = np.where(exact, 0.0, (step**2 + width**2) / 12)
    return float((counts * np.where(outside > 0, outside**2, inside)).sum())


def divergence(counts: np.ndarray, edges: np.ndarray, low: float, high: float) -> float:
    """Kullback-Leibler divergence of the values in bins from what 256 levels of a range tell of them.

    What lies outside counts as lying at the bound.
    """
    import numpy as np

    levels = LEVELS
    # What ReLU makes 0 is exact in every range, and as a peak would choose for all others.
    counts = np.where((edges[:-1] <= 0) & (edges[1:] >= 0), 0, counts)
    first, last = np.searchsorted(edges, [low, high - 1e-12 * abs(high)])
    first, last = min(int(first), len(counts) - 1), max(int(last), int(first) + 1)
    kept = counts[first:last].astype(np.float64)
    if len(kept) < levels:
        return float("inf")
    cut = kept.copy()
    cut[0] += counts[:first].sum()
    cut[-1] += counts[last:].sum()
    level = np.arange(len(kept)) * levels // len(kept)
    filled = np.bincount(level, weights=(cut > 0).astype(np.float64), minlength=levels)
    mean = np.bincount(level, weights=kept, minlength=levels) / np.maximum(filled, 1)
    told = np.where(cut > 0, mean[level], 0.0)
    p, q = cut / cut.sum(), np.maximum(told / max(told.sum(), 1e-30), 1e-12)
    some = p > 0
    return float((p[some] * np.log(p[some] / q[some])).sum())
