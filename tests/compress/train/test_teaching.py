"""A teacher's part of the loss against its formula, and what students learn by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.train.course import Course
from edgebuild.compress.train.teaching import (
    FeaturePair,
    Lessons,
    Teaching,
    attention,
    meaning_of,
    student_logits,
    teach_features,
    teacher_logits,
)
from edgebuild.errors import Refused
from tests.compress.train.conftest import Shed, accuracy, how, loaded, network, pictures, samples
from tests.conftest import wire

RANDOM = np.random.default_rng(3)


def teaching(**changes: Any) -> Teaching:
    return Teaching(**{"predictions": wire("predictions"), "temperature": 4.0, "alpha": 0.7, **changes})


def softmax(values: np.ndarray) -> np.ndarray:
    raised = np.exp(values - values.max(1, keepdims=True))
    found: np.ndarray = raised / raised.sum(1, keepdims=True)
    return found


def divergence(teacher: np.ndarray, student: np.ndarray, temperature: float) -> float:
    """KL(softmax(t/T) ‖ softmax(s/T)) · T², the mean over samples."""
    p, q = softmax(teacher / temperature), softmax(student / temperature)
    return float((p * (np.log(p) - np.log(q))).sum(1).mean() * temperature**2)


def test_logits_are_compared_by_their_formula() -> None:
    teacher, student = (RANDOM.normal(0, 3, (16, 5)).astype(np.float32) for _ in range(2))
    for temperature in (1.0, 4.0):
        lessons = Lessons(teaching(temperature=temperature), "logits")
        got = float(lessons.of_outputs(teacher_logits(teacher), student))
        assert got == pytest.approx(divergence(teacher, student, temperature), rel=1e-4)


def test_probabilities_are_worth_the_logits_they_came_from() -> None:
    teacher, student = (RANDOM.normal(0, 2, (16, 5)).astype(np.float32) for _ in range(2))
    lessons = Lessons(teaching(), "probabilities")
    got = float(lessons.of_outputs(teacher_logits(softmax(teacher)), softmax(student)))
    assert got == pytest.approx(divergence(teacher, student, 4.0), rel=1e-3)
    assert meaning_of(softmax(teacher)) == "probabilities"
    assert meaning_of(teacher) == "logits"


def test_probabilities_of_a_teacher_in_integers_are_probabilities() -> None:
    sure = softmax(RANDOM.normal(0, 6, (64, 10)))
    stored = (np.clip(np.round(sure * 256), 0, 255) / 256).astype(np.float32)
    assert np.abs(stored.sum(1) - 1).max() > 2e-3
    assert meaning_of(stored) == "probabilities"
    assert meaning_of(np.array([[255, 0], [0, 255]], np.float32) / 256) == "probabilities"
    # Scores that lie in 0 to 1 by chance.
    assert meaning_of(RANDOM.uniform(0, 1, (64, 10)).astype(np.float32)) == "logits"
    with pytest.raises(Refused, match=r"lie in 0 to 1 and sum to 0\.95 to 0\.95: no softmax does that"):
        meaning_of(0.95 * softmax(RANDOM.normal(0, 2, (64, 10))))


def test_one_sigmoid_is_two_classes() -> None:
    scores = RANDOM.normal(0, 2, (16, 1)).astype(np.float32)
    sigmoid = 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(teacher_logits(sigmoid), np.concatenate([np.zeros_like(scores), scores], 1), atol=1e-4)
    np.testing.assert_allclose(np.array(student_logits(sigmoid, "probability"))[:, 1:], scores, atol=1e-4)
    np.testing.assert_allclose(np.array(student_logits(scores, "logits"))[:, 1:], scores, atol=1e-6)


def test_numbers_are_compared_by_their_squared_difference() -> None:
    teacher, student = (RANDOM.normal(size=(16, 2)).astype(np.float32) for _ in range(2))
    got = float(Lessons(teaching(), "values").of_outputs(teacher, student))
    assert got == pytest.approx(float(((teacher - student) ** 2).mean()), rel=1e-5)


def test_layers_of_other_widths_are_compared_by_where_they_look() -> None:
    wide, narrow = (np.abs(RANDOM.normal(size=(4, 6, 6, width))).astype(np.float32) for width in (32, 8))
    pair = (FeaturePair(teacher="a", student="b", weight=2.0),)
    lessons = Lessons(teaching(features=pair), "logits")

    def looks(values: np.ndarray) -> np.ndarray:
        rows = (values**2).mean(-1).reshape(4, 36)
        found: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return found

    np.testing.assert_allclose(np.array(attention(wide)), looks(wide), rtol=1e-4)
    got = float(lessons.of_features({"a": wide}, {"b": narrow}))
    assert got == pytest.approx(2 * float(((looks(wide) - looks(narrow)) ** 2).mean()), rel=1e-4)
    same = float(lessons.of_features({"a": wide}, {"b": 3 * wide}))
    # Of equal shapes the values themselves count.
    assert same == pytest.approx(2 * float(((2 * wide) ** 2).mean()), rel=1e-4)


def test_labels_and_teacher_have_their_weights() -> None:
    from edgebuild.compress.train.fitted import Fitted
    from edgebuild.compress.train.losses import task

    x, y = pictures(32, 1)
    teacher = RANDOM.normal(0, 2, (32, 3)).astype(np.float32)
    model = network("linear")
    found = task(model, y)
    fitted = Fitted(model, Course(lessons=Lessons(teaching(), found.meaning)))
    fitted.compile("adam", found.loss)
    outputs = np.array(model(x))
    own = float(-np.log(softmax(outputs)[np.arange(32), y]).mean())
    got = float(fitted.compute_loss(x, {"label": y, "teacher": teacher}, model(x)))
    assert got == pytest.approx(0.3 * own + 0.7 * divergence(teacher, outputs, 4.0), rel=1e-4)
    half = (np.arange(32) < 16).astype(np.float32)
    got = float(fitted.compute_loss(x, {"label": y, "teacher": teacher, "weight": half}, model(x)))
    few = float((-np.log(softmax(outputs)[np.arange(32), y]) * half).mean())
    assert got == pytest.approx(0.3 * few + 0.7 * divergence(teacher, outputs, 4.0), rel=1e-4)


def predictions(folder: Path, outputs: np.ndarray) -> Path:
    """What a teacher said, as `Predict` keeps it."""
    folder.mkdir()
    np.savez(folder / "outputs.npz", scores=outputs)
    return folder


def told(shed: Shed, seed: int = 0) -> np.ndarray:
    """A teacher that is nearly sure of the right class."""
    found: np.ndarray = np.eye(3, dtype=np.float32)[pictures(192, seed)[1]] * 0.9 + 1 / 30
    return found


def test_a_student_learns_from_a_teacher_alone(shed: Shed) -> None:
    said = predictions(shed.folder / "said", told(shed))
    wrong = samples(shed.folder / "wrong", labels={"label": np.zeros(192, np.int64)})
    rates = (1e-2,) * 4
    done = shed.train(how(rates=rates), samples=wrong, predictions=said, teaching=teaching(alpha=1.0))
    assert accuracy(loaded(done)) > 0.9
    assert accuracy(loaded(shed.train(how(rates=rates), samples=wrong))) < 0.5
    unlabelled = samples(shed.folder / "bare", labels={})
    bare = shed.train(how(rates=rates), samples=unlabelled, predictions=said, teaching=teaching(alpha=1.0))
    assert accuracy(loaded(bare)) > 0.9


def test_layers_of_a_teacher_teach_too(shed: Shed) -> None:
    features = shed.folder / "features.npz"
    teach_features(shed.model, shed.samples, features, ("conv", "pool"))
    with np.load(features) as archive:
        values = {name: archive[name] for name in archive.files}
    assert values["conv"].shape == (192, 8, 8, 16)
    pairs = (FeaturePair(teacher="conv", student="conv", weight=50.0),)
    said = predictions(shed.folder / "said", told(shed))

    def distance(**more: Any) -> float:
        import keras

        done = loaded(shed.train(how(rates=(3e-3,) * 3), predictions=said, teaching=teaching(**more), values=features))
        inner = keras.Model(done.inputs, done.get_layer("conv").output)
        found: float = ((inner.predict(pictures(192, 0)[0], verbose=0) - values["conv"]) ** 2).mean()
        return found

    student = network()
    student.get_layer("conv").set_weights([0.1 * item for item in student.get_layer("conv").get_weights()])
    shed.save(student)
    assert distance(features=pairs, values=wire("values")) < 0.3 * distance()


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        (("conv", "nothing"), "the student has no layer `nothing`"),
        (("conv", "pool"), r"`conv` of the teacher is \(8, 8, 16\), `pool` of the student \(2, 2, 16\)"),
    ],
)
def test_layers_that_cannot_be_compared_are_refused(shed: Shed, pair: tuple[str, str], why: str) -> None:
    features = shed.folder / "features.npz"
    teach_features(shed.model, shed.samples, features, ("conv",))
    lesson = teaching(features=(FeaturePair(teacher=pair[0], student=pair[1], weight=1.0),), values=wire("values"))
    said = predictions(shed.folder / "said", told(shed))
    with pytest.raises(Refused, match=why):
        shed.train(how(), predictions=said, teaching=lesson, values=features)


def test_a_teacher_without_such_a_layer_is_refused_with_those_it_has(shed: Shed) -> None:
    with pytest.raises(Refused, match="the teacher has no layer `convv`") as caught:
        teach_features(shed.model, shed.samples, shed.folder / "f.npz", ("convv",))
    assert caught.value.fix == "Its layers: `conv`, `pool`, `flat`, `scores`."


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        (np.zeros((192, 5), np.float32), r"the teacher's output is \(5,\), the student's \(3,\)"),
        (np.full((192, 3), np.nan, np.float32), "hold NaN"),
    ],
)
def test_a_teacher_that_says_something_else_is_refused(shed: Shed, outputs: np.ndarray, why: str) -> None:
    said = predictions(shed.folder / "said", outputs)
    with pytest.raises(Refused, match=why):
        shed.train(how(), predictions=said, teaching=teaching())


def test_sizes_that_a_student_leaves_open_are_compared_by_what_comes(shed: Shed) -> None:
    import keras

    image = keras.Input((None, None, 1), name="image")
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="conv")(image)
    flat = keras.layers.GlobalAveragePooling2D()(x)
    open_sizes = keras.Model(image, keras.layers.Dense(3, activation="softmax", name="scores")(flat))
    features = shed.folder / "features.npz"
    teach_features(shed.model, shed.samples, features, ("conv",))
    shed.save(open_sizes)
    pairs = (FeaturePair(teacher="conv", student="conv", weight=1.0),)
    said = predictions(shed.folder / "said", told(shed))
    lesson = teaching(features=pairs, alpha=1.0)
    done = shed.train(how(), predictions=said, teaching=lesson, values=features)
    assert loaded(done).input_shape == (None, None, None, 1)
    assert attention(np.ones((2, 3, 4, 5), np.float32)).shape == (2, 12)
