"""Trained ranges for the tensors of a TFLite model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.quantize.calibration import feeds
from edgebuild.compress.quantize.handed import HandRanges
from edgebuild.errors import words_of

if TYPE_CHECKING:
    from edgebuild.compress.quantize.handed import Rows
    from edgebuild.data.samples import SampleSet


class HandTfliteRanges(HandRanges):
    """To the tensors of a TFLite model."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "ai-edge-litert", "ai-edge-quantizer", "numpy")

    @staticmethod
    def shown(model: Path, samples: SampleSet, wanted: set[str]) -> Rows:
        """See `HandRanges`."""
        return tflite_values(model, samples, wanted)


def tflite_values(model: Path, samples: SampleSet, wanted: set[str]) -> Rows:
    """Of each sample."""
    from edgebuild.compress.quantize.tflite_calibrate import opened, taken_by

    with words_of("ai-edge-litert"):
        interpreter, runner, watched = opened(model)
        rows = []
        for feed in feeds(taken_by(runner), samples.inputs, "ai-edge-litert"):
            runner(**feed)
            rows.append({name: interpreter.get_tensor(at).copy() for name, at in watched.items() if name in wanted})
    return rows
