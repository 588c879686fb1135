"""Trained ranges for the values of an ONNX model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.onnx_nodes import inputs_of
from edgebuild.compress.onnx_values import BY, taps
from edgebuild.compress.quantize.calibration import feeds
from edgebuild.compress.quantize.handed import HandRanges

if TYPE_CHECKING:
    from edgebuild.compress.quantize.handed import Rows
    from edgebuild.data.samples import SampleSet


class HandOnnxRanges(HandRanges):
    """To the values of an ONNX model."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "onnx", "onnxruntime", "numpy")

    @staticmethod
    def shown(model: Path, samples: SampleSet, wanted: set[str]) -> Rows:
        """See `HandRanges`."""
        return onnx_values(model, samples, wanted)


def onnx_values(model: Path, samples: SampleSet, wanted: set[str]) -> Rows:
    """Of each sample."""
    import onnx

    content = onnx.load(model)
    made = [name for node in content.graph.node for name in node.output]
    names = [name for name in (*(item.name for item in content.graph.input), *made) if name in wanted]
    return list(taps(content, names, feeds(inputs_of(model), samples.inputs, BY)))
