"""Values of a Keras model that have a range once it is quantized, and which of them share one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.compress.train.folding import nodes, readers
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact

if TYPE_CHECKING:
    import numpy as np

FIXED = ("softmax", "sigmoid", "tanh")
"""Activations for whose values each runtime has a scale of its own."""
SAME = (
    *("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D", "GlobalMaxPooling2D", "Flatten"),
    *(
        "Reshape",
        "Permute",
        "ZeroPadding1D",
        "ZeroPadding2D",
        "Cropping1D",
        "Cropping2D",
        "Dropout",
        "SpatialDropout2D",
    ),
)
"""Layers whose integers are those of their input, or in its scale: TFLite has them in no other form."""
BATCH = 32


@dataclass(frozen=True)
class Point:
    """One value."""

    tensor: Any
    range: str
    """Name of its range: of the operation that makes the value which decides it."""
    decides: bool


def points(flat: Any) -> list[Point]:
    """Every value with a range, in order.

    Args:
        flat: a folded Keras model.

    A value that goes into ReLU alone has none, since runtimes compute both at once. What is put together by a
    concatenation has one range with its parts.
    """
    reads = readers(flat)
    made: dict[int, tuple[Any, Any]] = {id(tensor): (tensor, None) for tensor in flat.inputs}
    made |= {id(node.outputs[0]): (node.outputs[0], node) for node in nodes(flat) if len(node.outputs) == 1}
    decider: dict[int, int] = {key: key for key in made}
    for key, (_, node) in made.items():
        kind = type(node.operation).__name__ if node else ""
        given = [id(tensor) for tensor in node.input_tensors if id(tensor) in made] if node else []
        if kind in SAME and given:
            decider[key] = decider[given[0]]
        elif kind == "Concatenate":
            old = {decider[item] for item in given}
            decider.update({item: key for item, root in decider.items() if root in old})
    found = []
    for key, (tensor, _) in made.items():
        root, maker = made[decider[key]]
        if "float" in str(tensor.dtype) and not fixed(maker) and not fused(maker, reads[decider[key]]):
            found.append(Point(tensor, root._keras_history.operation.name, decider[key] == key))
    return found


def fixed(node: Any) -> bool:
    """Whether it makes values with a scale of the runtime's own."""
    return node is not None and activation(node.operation) in FIXED


def fused(node: Any, reads: list[Any]) -> bool:
    """Whether its values are never stored."""
    return node is not None and len(reads) == 1 and reads[0] is not None and rectifies(reads[0])


def rectifies(op: Any) -> bool:
    """Whether it is a ReLU that runtimes compute within the layer before."""
    if type(op).__name__ == "ReLU":
        return not op.negative_slope and not op.threshold and op.max_value in (None, 6)
    return type(op).__name__ == "Activation" and activation(op) in ("relu", "relu6")


def activation(op: Any) -> str:
    """Name of an operation's activation; "" where it has none."""
    if type(op).__name__ == "Softmax":
        return "softmax"
    return str(getattr(getattr(op, "activation", None), "__name__", ""))


class CalibrateKeras(Step):
    """Where the ranges of a quantized training start: the mean over samples of each sample's lowest and highest value.

    Writes an npz, `fakequant/range/NAME` each float32 (2,), as a segment of a training leaves them.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "state.npz"
    portable: ClassVar[bool] = False

    model: Artifact
    """Of `FoldNorms`."""
    calibration: Artifact
    """A sample folder."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the samples are not this model's."""
        calibrate_keras(work.path(self.model), work.path(self.calibration), work.output)


def calibrate_keras(model: Path, samples: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    import numpy as np

    from edgebuild.compress.train.samples import inputs_of
    from edgebuild.data.arrays import save_arrays
    from edgebuild.data.samples import SampleSet
    from edgebuild.models.convert.traced import load_keras

    opened = load_keras(model)
    found = {}
    for point, value in values(opened, inputs_of(opened, SampleSet.load(samples))):
        if point.decides:
            rows = value.reshape(len(value), -1).astype(np.float64)
            low, high = np.minimum(rows.min(axis=1), 0).mean(), np.maximum(rows.max(axis=1), 0).mean()
            found[f"fakequant/range/{point.range}"] = np.array([low, high], np.float32)
    save_arrays(output, found)


def values(model: Any, x: Any) -> list[tuple[Point, np.ndarray]]:
    """Every value with a range, axis 0 the sample."""
    import keras

    known = points(model)
    made = keras.Model(model._inputs_struct, [point.tensor for point in known])
    return list(zip(known, made.predict(x, batch_size=BATCH, verbose=0), strict=True))
