"""Values inside an ONNX model, sample by sample, as ONNX Runtime computes them without rewriting the graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.errors import words_of

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    Feeds = Sequence[dict[str, np.ndarray]]

BY = "onnxruntime"


def taps(model: ModelProto, names: Iterable[str], feeds: Feeds) -> Iterator[dict[str, np.ndarray]]:
    """The named tensors for each sample.

    Args:
        model: unchanged afterwards.
        names: of tensors inside it, inputs and outputs included.
        feeds: inputs by name, each with its batch axis.

    Raises:
        Refused: ONNX Runtime declines the model.
    """
    import onnx
    import onnxruntime as ort

    names = list(names)
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    inputs = {item.name for item in opened.graph.input}
    wanted = [name for name in dict.fromkeys(names) if name not in inputs]
    known = {item.name: item for item in model.graph.output}
    del opened.graph.output[:]
    opened.graph.output.extend(known.get(name, onnx.ValueInfoProto(name=name)) for name in wanted)
    without_rest(opened, wanted)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # It warns of every stored tensor that only the operators left out would have read.
    options.log_severity_level = 3
    # As written: fused operators compute other values, and the same ones on no two machines.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if not wanted:
        yield from ({name: feed[name] for name in names} for feed in feeds)
        return
    with words_of(BY):
        session = ort.InferenceSession(opened.SerializeToString(), options, providers=["CPUExecutionProvider"])
        for feed in feeds:
            found = session.run(wanted, feed)
            asked = {name: feed[name] for name in names if name in feed}
            yield {**asked, **dict(zip(wanted, found, strict=True))}


def without_rest(model: ModelProto, wanted: Sequence[str]) -> None:
    """Drop the operators after the last one that makes something wanted."""
    makers = [row for row, node in enumerate(model.graph.node) if set(node.output) & set(wanted)]
    del model.graph.node[max(makers, default=-1) + 1 :]


def samples_of(model: Path, inputs: Path, most: int | None = None) -> list[dict[str, np.ndarray]]:
    """The calibration samples as the model takes them, the first `most` of them.

    Raises:
        Refused: they are not this model's.
    """
    from edgebuild.compress.quantize.calibration import feeds
    from edgebuild.compress.quantize.onnx_static import inputs_of

    return feeds(inputs_of(model), inputs, BY)[:most]
