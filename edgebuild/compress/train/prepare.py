"""From files to a compiled model and its samples, under a teacher with what it said of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.compress.train.course import FEATURES, LABEL, TEACHER, WEIGHT, Course
from edgebuild.compress.train.losses import Task, meaning_without_labels, task
from edgebuild.compress.train.teaching import BY, Lessons, alike, check_features, teacher_logits
from edgebuild.errors import Refused, words_of

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.compress.train.contract import Data
    from edgebuild.compress.train.segment import Given, How
    from edgebuild.data.samples import SampleSet


def prepared(model: Any, files: Given, how: How, course: Course, *, hooked: bool) -> tuple[Any, Data]:
    """The compiled model and its samples.

    Args:
        model: what is trained.
        files: of the segment.
        how: its parameters.
        course: gets the optimizer and the teacher.
        hooked: whether the user's own function trains, which may bring a loss where none is known.

    Raises:
        Refused: no loss is known for the model, or the teacher does not suit it.
    """
    import keras

    from edgebuild.compress.train.fitted import Fitted
    from edgebuild.compress.train.samples import data_of, tagged
    from edgebuild.data.samples import SampleSet

    samples = SampleSet.load(files.samples)
    rows = tagged(samples, how.labelled)
    refuse_none(rows, how)
    if files.teaching is None and not rows.all():
        samples = samples.take(rows.nonzero()[0])
    found = the_task(model, samples, how, files, hooked)
    data = data_of(model, samples, SampleSet.load(files.validation) if files.validation else None)
    if files.teaching is not None:
        course.lessons = Lessons(files.teaching, found.meaning)
        data = under_teacher(data, model, files, rows, found)
    with words_of("keras"):
        fitted = Fitted(model, course)
        course.ours = keras.optimizers.Adam(how.rates[0])
        fitted.compile(course.ours, found.loss, metrics=list(found.metrics))
    return fitted, data


def refuse_none(rows: np.ndarray, how: How) -> None:
    """Raises: Refused: no sample has the tags that its label needs."""
    if not rows.any():
        words = ", ".join(f"`{name}: {value}`" for name, value in how.labelled.items())
        fix = "Correct `labelled`, or the tags that the loader gives."
        raise Refused(by="training", why=f"no sample of `train` has the tags {words}.", fix=fix)


def the_task(model: Any, samples: SampleSet, how: How, files: Given, hooked: bool) -> Task:
    """The loss; none where the user's function, or a teacher alone, does without.

    Raises:
        Refused: none is known, and one is needed.
    """
    from edgebuild.compress.train.samples import labels_of

    alone = files.teaching is not None and files.teaching.alpha == 1
    try:
        return task(model, labels_of(samples), how.loss)
    except Refused:
        if not (hooked or alone):
            raise
        return Task(None, (), meaning_without_labels(model), "none of ours")


def under_teacher(data: Data, model: Any, files: Given, rows: np.ndarray, found: Task) -> Data:
    """The samples with the teacher's targets beside the labels.

    Raises:
        Refused: it has other outputs than the student, or said NaN.
    """
    import numpy as np

    from edgebuild.data.arrays import load_arrays

    assert files.teaching is not None and files.predictions is not None
    targets = targets_of(files.predictions, model, found)
    y: dict[str, Any] = {LABEL: data.y, TEACHER: targets}
    if isinstance(data.y, dict) and not data.y:
        # Keras wants something in the place of labels that nobody looks at.
        y[LABEL] = np.zeros(len(data), np.float32)
    if not rows.all():
        y[WEIGHT] = rows.astype(np.float32)
    if files.teaching.features:
        values = load_arrays(files.values) if files.values else {}
        check_features(files.teaching.features, model, values)
        y[FEATURES] = values
    return replace(data, y=y)


def targets_of(predictions: Path, model: Any, found: Task) -> np.ndarray:
    """What the student is to come near: the teacher's logits, or its numbers; float32, axis 0 the sample.

    Raises:
        Refused: the teacher has several outputs, another shape than the student, or says NaN.
    """
    import numpy as np

    from edgebuild.data.arrays import load_arrays

    outputs = load_arrays(predictions / "outputs.npz")
    if len(outputs) != 1 or len(model.outputs) != 1:
        why = f"the teacher has {len(outputs)} outputs and the student {len(model.outputs)}; one of each is needed."
        raise Refused(by=BY, why=why, fix="Write a training of your own by `train: {fit: train.py:fit}`.")
    (values,) = outputs.values()
    wanted = tuple(model.outputs[0].shape[1:])
    if not alike(values.shape[1:], wanted):
        why = f"the teacher's output is {values.shape[1:]}, the student's {wanted}."
        raise Refused(by=BY, why=why, fix="Give the student the teacher's classes, in the same order.")
    if not np.isfinite(values).all():
        raise Refused(by=BY, why="the teacher's outputs hold NaN or infinity.", fix="Check the teacher on the samples.")
    if found.meaning == "values" or values.ndim != 2:
        return values.astype(np.float32)
    return teacher_logits(values)
