"""Two of each four weights of an ONNX model, along the input channels: what sparse tensor cores skip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.compress.prune.account import BY
from edgebuild.compress.prune.onnx_cut import give, tidied
from edgebuild.compress.quantize.onnx_interface import save_checked
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

if TYPE_CHECKING:
    import numpy as np
    from onnx import NodeProto

FOUR = 4


class PruneTwoOfFour(Step):
    """Set the two least of each four weights along the input channels to zero (arXiv:2104.08378, section 3).

    Convolutions of one group and products with stored matrices, where the channels divide by four. The file is as
    large as before: it is the runtime that stores only what is left.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"

    model: Artifact

    def run(self, work: Workspace) -> None:
        """Raises: Refused: no layer has channels that divide by four."""
        prune_two_of_four(work.path(self.model), work.output)


def prune_two_of_four(model: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    import onnx
    from onnx import numpy_helper

    loaded, made = onnx.load(model), onnx.load(model)
    stored = {item.name: item for item in made.graph.initializer}
    pruned = 0
    for place, node in enumerate(made.graph.node):
        value = numpy_helper.to_array(stored[node.input[1]]) if node.input[1:] and node.input[1] in stored else None
        axis = None if value is None else input_axis(node, value.ndim)
        if value is None or axis is None:
            continue
        if value.dtype.kind != "f" or value.ndim <= axis or value.shape[axis] % FOUR:
            continue
        give(made, place, 1, halved(value, axis))
        pruned += 1
    if not pruned:
        why = "no convolution or product reads channels that divide by four."
        raise Refused(by=BY, why=why, kind="not applicable")
    save_checked(loaded, tidied(made), output, BY)


def input_axis(node: NodeProto, rank: int) -> int | None:
    """The axis of a node's weights, of so many, along which it reads channels; None where it has no such weights."""
    attributes = {item.name: item.i for item in node.attribute}
    if node.op_type == "Conv":
        return 1 if attributes.get("group", 1) == 1 else None
    if node.op_type == "Gemm":
        return 1 if attributes.get("transB", 0) else 0
    return max(0, rank - 2) if node.op_type == "MatMul" else None


def halved(value: np.ndarray, axis: int) -> np.ndarray:
    """The array with the two largest of each four along an axis; of equals the first stay."""
    import numpy as np

    moved = np.moveaxis(value, axis, -1)
    fours = moved.reshape(*moved.shape[:-1], -1, FOUR)
    order = np.argsort(-np.abs(fours), axis=-1, kind="stable")
    kept = np.zeros(fours.shape, bool)
    np.put_along_axis(kept, order[..., :2], True, axis=-1)
    return np.moveaxis((fours * kept).astype(value.dtype).reshape(moved.shape), -1, axis)
