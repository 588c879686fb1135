"""Values inside an ONNX model, sample by sample, as ONNX Runtime computes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from edgebuild.errors import words_of

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    Feeds = Sequence[dict[str, np.ndarray]]

BY = "onnxruntime"


def taps(model: ModelProto, names: Iterable[str], feeds: Feeds) -> Iterator[dict[str, np.ndarray]]:
    """The named tensors for each sample, without rewriting the graph.

    Args:
        model: unchanged afterwards.
        names: of tensors inside it, inputs and outputs included.
        feeds: inputs by name, each with its batch axis.

    Raises:
        Refused: ONNX Runtime declines the model.
    """
    names = list(names)
    inputs = {item.name for item in model.graph.input}
    wanted = [name for name in dict.fromkeys(names) if name not in inputs]
    if not wanted:
        yield from ({name: feed[name] for name in names} for feed in feeds)
        return
    opened = exposed(model, wanted)
    without_rest(opened, wanted)
    with words_of(BY):
        # As written: fused operators compute other values, and the same ones on no two machines.
        run = session(opened, "as written").run
        for feed in feeds:
            found = run(wanted, feed)
            asked = {name: feed[name] for name in names if name in feed}
            yield {**asked, **dict(zip(wanted, found, strict=True))}


def exposed(model: ModelProto, names: Iterable[str]) -> ModelProto:
    """A copy of the model with these tensors among its outputs."""
    import onnx

    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    known = {item.name for item in model.graph.output}
    opened.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    return opened


def without_rest(model: ModelProto, wanted: Sequence[str]) -> None:
    """Drop the other outputs, and the operators after the last one that makes something wanted."""
    outputs = [item for item in model.graph.output if item.name in wanted]
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    makers = [row for row, node in enumerate(model.graph.node) if set(node.output) & set(wanted)]
    del model.graph.node[max(makers, default=-1) + 1 :]


def session(model: ModelProto, level: Literal["as written", "basic"]) -> Any:
    """An `InferenceSession` on one thread.

    Args:
        model: all of it in memory.
        level: what ONNX Runtime may do to the graph; `basic` folds and fuses, but adds no operators of this machine.
    """
    import onnxruntime as ort

    levels = ort.GraphOptimizationLevel
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # It warns of every stored tensor that only the operators left out would have read.
    options.log_severity_level = 3
    options.graph_optimization_level = levels.ORT_DISABLE_ALL if level == "as written" else levels.ORT_ENABLE_BASIC
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
