"""A frozen teacher by what it said of the samples before: its outputs, and values inside it, as targets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.compress.train.losses import Meaning
from edgebuild.core.records import Record
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of

if TYPE_CHECKING:
    import numpy as np

LEAST = 1e-7
"""A probability below counts as this much: its logarithm is the logit."""
ROUNDED, NEAR = 1e-3, 0.1
"""How far a sum of probabilities in floats is from one at most; what is further off than the other is no try at it."""
BY = "distillation"


class FeaturePair(Record):
    """Two layers whose values are brought together."""

    teacher: str
    student: str
    weight: float


class Teaching(Record):
    """A teacher as a training step holds it."""

    predictions: Artifact
    """Its outputs on the samples of the training (see `measure/predict.py`)."""
    temperature: float
    alpha: float
    """Weight of the teacher; the labels have the rest."""
    features: tuple[FeaturePair, ...] = ()
    values: Artifact | None = None
    """Its layers' values on the samples (see `TeachFeatures`)."""


class TeachFeatures(Step):
    """Values of a Keras teacher's layers on every sample: an npz, by layer, axis 0 the sample."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "features.npz"
    portable: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 7200.0

    model: Artifact
    samples: Artifact
    layers: tuple[str, ...]

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the teacher has no such layer."""
        teach_features(work.path(self.model), work.path(self.samples), work.output, self.layers)


def teach_features(model: Path, samples: Path, output: Path, layers: tuple[str, ...]) -> None:
    """The work itself, over paths and values."""
    import keras

    from edgebuild.compress.train.samples import inputs_of
    from edgebuild.data.arrays import save_arrays
    from edgebuild.data.samples import SampleSet
    from edgebuild.models.convert.traced import load_keras

    teacher = load_keras(model)
    made = {name: layer_of(teacher, name, "teacher").output for name in layers}
    with words_of("keras"):
        inner = keras.Model(teacher.inputs, made)
        values = inner.predict(inputs_of(inner, SampleSet.load(samples)), batch_size=32, verbose=0)
    save_arrays(output, values)


def layer_of(model: Any, name: str, whose: str) -> Any:
    """A layer by name.

    Raises:
        Refused: there is none; the words name those there are.
    """
    names = [layer.name for layer in model.layers]
    if name not in names:
        known = ", ".join(f"`{item}`" for item in names[1:])
        raise Refused(by=BY, why=f"the {whose} has no layer `{name}`.", fix=f"Its layers: {known}.")
    return model.get_layer(name)


def meaning_of(outputs: np.ndarray) -> Meaning:
    """What a teacher's outputs are, told from their values: a softmax's rows sum to one.

    Those of a teacher in integers miss it by half a step for each class, and by a whole one for a class that is sure.

    Args:
        outputs: float, (samples, classes).

    Raises:
        Refused: neither scores nor probabilities: they lie in 0 to 1, and each sample's sum near one.
    """
    import numpy as np

    if outputs.min() < 0 or outputs.max() > 1:
        return "logits"
    if outputs.shape[1] == 1:
        return "probability"
    sums = outputs.sum(axis=1, dtype=np.float64)
    missed = float(np.abs(sums - 1).max())
    if missed <= ROUNDED + step_width(outputs) * (outputs.shape[1] + 1) / 2:
        return "probabilities"
    if missed > NEAR:
        return "logits"
    why = f"the teacher's outputs lie in 0 to 1 and sum to {sums.min():.3g} to {sums.max():.3g}: no softmax does that."
    raise Refused(by=BY, why=why, fix="Give the teacher outputs that are probabilities, or the scores before them.")


def step_width(outputs: np.ndarray) -> float:
    """Distance of neighbours where the values are those of an 8-bit tensor, at most 1/255; 0 where they are not."""
    import numpy as np

    levels = np.unique(outputs)
    return min(float(np.diff(levels).min()), 1 / 255) if 1 < len(levels) <= 256 else 0.0


def teacher_logits(outputs: np.ndarray) -> np.ndarray:
    """Scores before a softmax, up to a constant for each sample, float32 (samples, classes).

    Of one sigmoid: (samples, 2), the scores of `no` and `yes`. A softmax loses only that constant, which no softmax
    sees: its logarithm is the logit.
    """
    import numpy as np

    meaning, values = meaning_of(outputs), outputs.astype(np.float64)
    if meaning == "probabilities":
        values = np.log(np.clip(values, LEAST, 1))
    elif meaning == "probability":
        values = np.log(np.clip(values, LEAST, 1)) - np.log(np.clip(1 - values, LEAST, 1))
    if values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    return values.astype(np.float32)


def student_logits(outputs: Any, meaning: Meaning) -> Any:
    """The same of a student's outputs, as tensors that carry gradients."""
    from keras import ops

    if meaning == "probabilities":
        return ops.log(ops.clip(outputs, LEAST, 1.0))
    if meaning == "probability":
        outputs = ops.log(ops.clip(outputs, LEAST, 1.0)) - ops.log(ops.clip(1.0 - outputs, LEAST, 1.0))
    if outputs.shape[-1] == 1:
        return ops.concatenate([ops.zeros_like(outputs), outputs], axis=-1)
    return outputs


class Lessons:
    """The teacher's part of the loss, by `keras.distillation`.

    Logits: KL(softmax(t/T) ‖ softmax(s/T)) · T², the mean over samples (Hinton et al. 2015, arXiv:1503.02531).
    Outputs that are numbers: their mean squared difference. Features: the mean squared difference where the shapes are
    equal, else that of the attention maps, the mean over channels of the squares, each of norm 1 (Zagoruyko and
    Komodakis 2017, arXiv:1612.03928).
    """

    def __init__(self, teaching: Teaching, meaning: Meaning) -> None:
        """Args: meaning: of the student's outputs."""
        from keras.distillation import FeatureDistillation, LogitsDistillation
        from keras.losses import KLDivergence

        self.alpha, self.meaning, self.features = teaching.alpha, meaning, teaching.features
        self._near = FeatureDistillation(loss="mse")
        # By its default, the name, Keras 3.15 takes the divergence of the logits themselves, without any softmax.
        self._soft = LogitsDistillation(temperature=teaching.temperature, loss=KLDivergence())

    def of_outputs(self, teacher: Any, outputs: Any) -> Any:
        """Scalar; `teacher`: its logits, or its numbers."""
        if self.meaning == "values":
            return self._near.compute_loss(teacher, outputs)
        return self._soft.compute_loss(teacher, student_logits(outputs, self.meaning))

    def of_features(self, teacher: dict[str, Any], student: dict[str, Any]) -> Any:
        """Scalar: the weighted sum over pairs of layers."""
        total = 0.0
        for pair in self.features:
            theirs, own = teacher[pair.teacher], student[pair.student]
            if not alike(theirs.shape[1:], own.shape[1:]):
                theirs, own = attention(theirs), attention(own)
            total = total + pair.weight * self._near.compute_loss(theirs, own)
        return total


def attention(values: Any) -> Any:
    """Where a layer's values are large: (samples, height · width), each row of norm 1, from channels-last values."""
    from keras import ops

    squares = ops.mean(ops.square(values), axis=-1)
    sizes = ops.shape(squares)
    rows = ops.reshape(squares, (-1, sizes[1] * sizes[2]))
    return rows / (ops.norm(rows, axis=-1, keepdims=True) + LEAST)


def alike(a: Iterable[int | None], b: Iterable[int | None]) -> bool:
    """Whether two shapes are equal, as far as both say a size."""
    one, other = tuple(a), tuple(b)
    return len(one) == len(other) and all(None in pair or pair[0] == pair[1] for pair in zip(one, other, strict=True))


def check_features(pairs: tuple[FeaturePair, ...], student: Any, values: dict[str, np.ndarray]) -> None:
    """Raises: Refused: a layer is missing, or two of a pair cannot be compared; with their shapes."""
    for pair in pairs:
        own = tuple(layer_of(student, pair.student, "student").output.shape[1:])
        theirs = values[pair.teacher].shape[1:]
        if not alike(own, theirs) and not (len(own) == len(theirs) == 3 and alike(own[:2], theirs[:2])):
            why = f"`{pair.teacher}` of the teacher is {theirs}, `{pair.student}` of the student {own}."
            fix = "Pair layers of equal shapes, or images of equal height and width."
            raise Refused(by=BY, why=why, fix=fix)
