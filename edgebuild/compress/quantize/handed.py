"""Ranges that a training under integers ended with, handed to the tensors of the converted model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.base import Draft
from edgebuild.compress.quantize.ranges import read_ranges, write_ranges
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.data.samples import SampleSet

    Rows = list[dict[str, np.ndarray]]

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
            self.shown,
        )

    @staticmethod
    def shown(model: Path, samples: SampleSet, wanted: set[str]) -> Rows:
        """Values of the wanted tensors, by name, for each sample."""
        raise NotImplementedError


def ranges_of(to: Lowering, draft: Draft, calibrated: Artifact, kind: type[HandRanges]) -> tuple[Artifact, str]:
    """The ranges to quantize a draft with, and what they are in words; "" where they are the calibrated ones."""
    if draft.ranges is None:
        return calibrated, ""
    step = kind(trained=draft.ranges, model=draft.model, calibrated=calibrated, samples=to.calibration())
    return to.add(step, "hand over the trained ranges"), "ranges of the training"


def hand_ranges(
    trained: Path,
    model: Path,
    calibrated: dict[str, tuple[float, float]],
    samples: Path,
    output: Path,
    show: Callable[[Path, SampleSet, set[str]], Rows],
) -> None:
    """The work itself, over paths and values; `show`: the converted model's values, see `HandRanges.shown`."""
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
    rows = show(model, few, set(calibrated))
    for tensor in rows[0]:
        name = nearest(ordered(np.stack([row[tensor] for row in rows])), known)
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
