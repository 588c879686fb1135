"""Ranges that a training under integers ended with, handed to the tensors of the converted model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.base import Draft
from edgebuild.compress.quantize.calibration import feeds
from edgebuild.compress.quantize.ranges import read_ranges, write_ranges
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.data.samples import SampleSet

BY = "quantized training"
SAMPLES = 4
NEAR = 1e-3
"""Two values are one where they differ by less, in parts of the largest magnitude: a tenth of a step in 8 bits is 4e-4,
kernels of two runtimes differ by some 1e-6."""


class HandRanges(Step):
    """Trained ranges by the names of the converted model's tensors; calibrated ones of tensors that have none.

    Converters rename, fuse and transpose, so a value is looked for by what it says on some samples: among the tensors
    of as many elements those whose sorted numbers are nearest (as `measure/layers.py` does).
    """

    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "ranges.json"
    portable: ClassVar[bool] = False

    trained: Artifact
    """Folder of a `TrainModel` with `state.npz`."""
    model: Artifact
    """Its model, converted."""
    calibrated: Artifact
    """Ranges of that one's tensors."""
    samples: Artifact
    """A sample folder."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: a value with a trained range is nowhere in the converted model."""
        hand_ranges(
            work.path(self.trained),
            work.path(self.model),
            read_ranges(work.path(self.calibrated)),
            work.path(self.samples),
            work.output,
        )


class HandTfliteRanges(HandRanges):
    """To the tensors of a TFLite model."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "ai-edge-litert", "numpy")


class HandOnnxRanges(HandRanges):
    """To the values of an ONNX model."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "onnx", "onnxruntime", "numpy")


def ranges_of(to: Lowering, draft: Draft, calibrated: Artifact, kind: type[HandRanges]) -> tuple[Artifact, str]:
    """The ranges to quantize a draft with, and what they are in words; "" where they are the calibrated ones."""
    if draft.ranges is None:
        return calibrated, ""
    step = kind(trained=draft.ranges, model=draft.model, calibrated=calibrated, samples=to.calibration())
    return to.add(step, "hand over the trained ranges"), "ranges of the training"


def hand_ranges(
    trained: Path, model: Path, calibrated: dict[str, tuple[float, float]], samples: Path, output: Path
) -> None:
    """The work itself, over paths and values."""
    import numpy as np

    from edgebuild.compress.train.points import values
    from edgebuild.compress.train.samples import inputs_of
    from edgebuild.data.arrays import load_arrays
    from edgebuild.data.samples import SampleSet
    from edgebuild.models.convert.traced import load_keras

    state, source = load_arrays(trained / "state.npz"), load_keras(trained / "model.keras")
    few = SampleSet.load(samples)
    few = few.take(np.arange(min(SAMPLES, len(few))))
    with words_of("keras"):
        known = [(point.range, ordered(value)) for point, value in values(source, inputs_of(source, few))]
    found, missing = dict(calibrated), {name for name, _ in known}
    shown = tensors_of(model, few, set(calibrated))
    for tensor, value in shown.items():
        name = nearest(ordered(value), known)
        if name is not None:
            low, high = state[f"fakequant/range/{name}"].tolist()
            found[tensor] = (low, high)
            missing.discard(name)
    if missing:
        why = f"the values of {', '.join(sorted(missing))} are no tensors of the converted model."
        raise Refused(by=BY, why=why, fix="Leave `quantize` out of `train`, and quantize after it.")
    write_ranges(output, "trained", len(few), found)


def ordered(value: np.ndarray) -> np.ndarray:
    """The numbers of each sample, float64 (samples, elements), each row sorted."""
    import numpy as np

    flat: np.ndarray = np.sort(value.reshape(len(value), -1).astype(np.float64), axis=1)
    return flat


def nearest(value: np.ndarray, known: list[tuple[str, np.ndarray]]) -> str | None:
    """Name of the nearest value; None where none is near."""
    import numpy as np

    best, name = NEAR, None
    for other, numbers in known:
        if numbers.shape == value.shape:
            error = float(np.abs(numbers - value).max() / (np.abs(numbers).max() or 1.0))
            best, name = (error, other) if error < best else (best, name)
    return name


def tensors_of(model: Path, samples: SampleSet, wanted: set[str]) -> dict[str, np.ndarray]:
    """Values of tensors, by name, axis 0 the sample."""
    import numpy as np

    show = tflite_values if model.suffix == ".tflite" else onnx_values
    rows = show(model, samples, wanted)
    return {name: np.stack([row[name] for row in rows]) for name in (rows[0] if rows else {})}


def tflite_values(model: Path, samples: SampleSet, wanted: set[str]) -> list[dict[str, np.ndarray]]:
    """Of each sample."""
    from edgebuild.compress.quantize.tflite import opened, taken_by

    with words_of("ai-edge-litert"):
        interpreter, runner, watched = opened(model)
        rows = []
        for feed in feeds(taken_by(runner), samples.inputs, "ai-edge-litert"):
            runner(**feed)
            rows.append({name: interpreter.get_tensor(at).copy() for name, at in watched.items() if name in wanted})
    return rows


def onnx_values(model: Path, samples: SampleSet, wanted: set[str]) -> list[dict[str, np.ndarray]]:
    """Of each sample."""
    import onnx
    import onnxruntime

    from edgebuild.compress.quantize.onnx_static import inputs_of

    content = onnx.load(model)
    shown = {item.name for item in content.graph.output}
    made = [name for node in content.graph.node for name in node.output if name in wanted and name not in shown]
    content.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    with words_of("onnxruntime"):
        session = onnxruntime.InferenceSession(content.SerializeToString(), options, ["CPUExecutionProvider"])
        names = [item.name for item in session.get_outputs() if item.name in wanted]
        rows = []
        for feed in feeds(inputs_of(model), samples.inputs, "onnxruntime"):
            given = {name: value for name, value in feed.items() if name in wanted}
            rows.append({**given, **dict(zip(names, session.run(names, feed), strict=True))})
    return rows
