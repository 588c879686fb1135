"""Trained ranges for the values of an ONNX model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.quantize.calibration import feeds
from edgebuild.compress.quantize.handed import HandRanges
from edgebuild.errors import words_of

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
