"""Each metric against scikit-learn or figures by hand; each complaint in full."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from edgebuild.errors import DataError, UserCodeError
from edgebuild.metrics.agreement import Agreement
from edgebuild.metrics.auroc import Auroc
from edgebuild.metrics.base import Metric, Samples
from edgebuild.metrics.cosine import Cosine
from edgebuild.metrics.f1 import F1
from edgebuild.metrics.function import Function
from edgebuild.metrics.mae import Mae
from edgebuild.metrics.max_error import MaxError
from edgebuild.metrics.mse import Mse
from edgebuild.metrics.pick import sliced
from edgebuild.metrics.sqnr import CEILING_DB, Sqnr
from edgebuild.metrics.top1 import Top1
from edgebuild.metrics.topk import TopK

RNG = np.random.default_rng(0)


def of(output: Any, labels: Any = None, reference: Any = None, **more: Any) -> Samples:
    outputs = {"y": np.asarray(output)}
    same = outputs if reference is None else {"y": np.asarray(reference)}
    return Samples(outputs, same, {} if labels is None else {"": np.asarray(labels)}, **more)


def classifier(count: int = 300, classes: int = 5, skill: float = 1.0) -> Samples:
    rng = np.random.default_rng(count)
    labels = rng.integers(0, classes, count)
    scores = rng.normal(size=(count, classes))
    scores[np.arange(count), labels] += skill
    return of(scores, labels, scores + 0.3 * rng.normal(size=scores.shape))


def test_top1_is_accuracy_in_percent() -> None:
    samples = classifier()
    want = 100 * sk.accuracy_score(samples.labels[""], samples.outputs["y"].argmax(axis=1))

    assert Top1().value(samples) == pytest.approx(want)
    assert Top1().per_sample(samples).mean() == pytest.approx(want)


@pytest.mark.parametrize(
    "output", [[[0.9], [0.2], [0.6], [0.4]], [0.9, 0.2, 0.6, 0.4], [[[0.9]], [[0.2]], [[0.6]], [[0.4]]], [1, 0, 1, 0]]
)
def test_a_single_score_is_held_against_a_threshold_and_whole_numbers_are_classes(output: Any) -> None:
    assert Top1().value(of(output, [1, 0, 0, 0])) == 75


def test_top1_by_chance_is_what_independence_gives() -> None:
    samples = of(np.eye(2)[[0, 0, 0, 1]], [0, 1, 0, 1])

    # 0.75 of the predictions and half of the labels are class 0.
    assert Top1().chance(samples) == pytest.approx(100 * (0.75 * 0.5 + 0.25 * 0.5))


@pytest.mark.parametrize("k", [1, 2, 4])
def test_topk_is_scikit_learns(k: int) -> None:
    samples = classifier()
    want = 100 * sk.top_k_accuracy_score(samples.labels[""], samples.outputs["y"], k=k)

    assert TopK(k=k).value(samples) == pytest.approx(want)
    assert TopK(k=1).value(samples) == pytest.approx(Top1().value(samples))


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
def test_f1_is_scikit_learns_in_one_draw_too(average: Any) -> None:
    samples = classifier()
    found = samples.outputs["y"].argmax(axis=1)
    want = 100 * sk.f1_score(samples.labels[""], found, average=average)

    assert F1(average=average).value(samples) == pytest.approx(want)
    # float32 counts are exact.
    assert F1(average=average).resampled(samples, np.ones((1, 300), np.float32))[0] == pytest.approx(want)


@pytest.mark.parametrize("metric", [F1(), F1(average="weighted"), Auroc(), Top1(), Sqnr(), Cosine(), Mae(output="y")])
def test_a_draw_gives_the_value_of_the_drawn_samples(metric: Metric) -> None:
    samples = classifier(80)
    if metric.metric == "mae":
        samples = of(RNG.normal(size=(80, 1)), RNG.normal(size=80))
    rows = np.random.default_rng(1).integers(0, 80, 80)
    weights = np.bincount(rows, minlength=80)[None].astype(np.float32)

    drawn = metric.resampled(samples, weights)

    assert drawn is not None
    # float32 weights times float64 records.
    assert drawn[0] == pytest.approx(metric.value(samples.take(rows)), rel=1e-6)


def test_binary_f1_looks_at_class_one() -> None:
    scores, labels = RNG.random((200, 1)), RNG.integers(0, 2, 200)
    want = 100 * sk.f1_score(labels, scores[:, 0] > 0.5)

    assert F1(average="binary").value(of(scores, labels)) == pytest.approx(want)
    assert F1(average="binary").resampled(of(scores, labels), np.ones((1, 200)))[0] == pytest.approx(want)


@pytest.mark.parametrize("levels", [4, 10**6])
def test_auroc_is_scikit_learns_with_ties_and_without(levels: int) -> None:
    labels = RNG.integers(0, 2, 300)
    scores = np.floor((RNG.random(300) + 0.3 * labels) * levels) / levels
    want = sk.roc_auc_score(labels, scores)
    two = np.stack([1 - scores, scores], axis=1)

    for output in (scores, scores[:, None], two):
        assert Auroc().value(of(output, labels)) == pytest.approx(want)
        assert Auroc().resampled(of(output, labels), np.ones((1, 300), np.float32))[0] == pytest.approx(want)


def test_auroc_of_many_classes_is_the_mean_of_each_against_the_rest() -> None:
    samples = classifier()
    chances = np.exp(samples.outputs["y"])
    chances /= chances.sum(axis=1, keepdims=True)

    want = sk.roc_auc_score(samples.labels[""], chances, multi_class="ovr")
    assert Auroc().value(of(chances, samples.labels[""])) == pytest.approx(want)


def test_errors_are_means_over_all_values() -> None:
    ours, theirs = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 3))
    samples = of(ours, theirs)

    assert (
        Mae().value(samples)
        == pytest.approx(abs(ours - theirs).mean())
        == pytest.approx(Mae().per_sample(samples).mean())
    )
    assert Mse().value(samples) == pytest.approx(((ours - theirs) ** 2).mean())
    assert Mse(unit="deg²").unit == "deg²" and Mae().better == "lower"


def test_a_column_meets_a_flat_label() -> None:
    assert Mae().value(of(np.ones((4, 1), np.float32), np.zeros(4))) == 1


def test_sqnr_by_hand() -> None:
    # Signal 3² + 4² = 25, noise 0.5²: 10·log10(100) = 20 dB.
    assert Sqnr().value(of([[3.0], [4.5]], reference=[[3.0], [4.0]])) == pytest.approx(20)
    assert Sqnr().value(of([[1.0]], reference=[[1.0]])) == CEILING_DB
    assert Sqnr().value(of([[1.0]], reference=[[0.0]])) == -CEILING_DB


def two(**noise: float) -> Samples:
    reference = {name: RNG.normal(size=(20, 4)) for name in noise}
    return Samples({name: reference[name] + by for name, by in noise.items()}, reference)


@pytest.mark.parametrize("metric", [Sqnr(), MaxError(), Cosine(), Agreement()])
def test_without_a_name_the_worst_output_counts(metric: Metric) -> None:
    samples = two(good=0.001, bad=np.array([0.9, -0.9, 0.5, 0]))  # type: ignore[arg-type]
    each = metric.by_output(samples)

    assert metric.value(samples) == each["bad"]
    assert type(metric)(output="good").value(samples) == each["good"] != each["bad"]


def test_cosine_and_max_error_by_hand() -> None:
    samples = of([[1.0, 0.0], [3.0, 4.0]], reference=[[0.0, 1.0], [3.0, 4.0]])

    assert Cosine().value(samples) == pytest.approx(0.5)
    assert MaxError().value(samples) == 1
    assert Cosine().value(of([[0.0], [0.0]], reference=[[0.0], [1.0]])) == 0.5


def test_agreement_counts_decisions_at_every_place() -> None:
    ours = np.array([[[0, 1], [1, 0]], [[0, 1], [0, 1]]])
    theirs = np.array([[[0, 1], [0, 1]], [[0, 1], [0, 1]]])
    samples = of(ours, reference=theirs)

    assert Agreement().per_sample(samples).tolist() == [50, 100]  # type: ignore[union-attr]
    assert Agreement().value(samples) == 75
    assert Agreement().value(of([0.6, 0.4], reference=[0.9, 0.6])) == 50
    assert Agreement(threshold=0.5).value(of([[0.6, 0.4]], reference=[[0.9, 0.6]])) == 50
    assert Agreement().value(of([3, 4], reference=[3, 5])) == 50


def test_a_slice_keeps_the_samples_with_its_tags() -> None:
    samples = of(np.eye(2)[[0, 1, 1]], [0, 1, 0], tags={"light": np.array(["day", "night", "night"], object)})

    assert Top1().value(sliced(Top1(where={"light": "night"}), samples)) == 50


def test_a_mapping_label_and_several_outputs_are_picked_by_name() -> None:
    outputs = {"angle": np.array([1.0, 2.0]), "gate": np.array([[0.1, 0.9], [0.8, 0.2]])}
    samples = Samples(outputs, outputs, {"steering": np.array([1.5, 2.5]), "open": np.array([1, 1])})

    assert Mae(output="angle", label="steering").value(samples) == 0.5
    assert Top1(output="gate", label="open").value(samples) == 50


PLAIN = of(np.eye(3)[[0, 1]], [0, 1], tags={"light": np.array(["day", "day"], object)})
MAPPED = Samples(
    {"a": np.eye(3)[[0, 1]], "b": np.zeros((2, 3))}, {}, {"one": np.array([0, 1]), "two": np.array([0, 1])}
)
COMPLAINTS: dict[str, tuple[Metric, Samples, str]] = {
    "no output of that name": (
        Top1(output="yy"), PLAIN,
        "metric `top1`: the model has no output `yy`; did you mean `y`?\n  fix: Its outputs: `y`.",
    ),
    "several outputs": (
        Top1(), MAPPED, "metric `top1`: the model has 2 outputs: `a`, `b`.\n  fix: Say which with `output: …`.",
    ),
    "several labels": (
        Top1(output="a"), MAPPED,
        "metric `top1`: the label is a mapping of `one`, `two`.\n  fix: Say which with `label: …`.",
    ),
    "no label of that name": (
        Top1(output="a", label="onee"), MAPPED,
        "metric `top1`: the label has no key `onee`; did you mean `one`?\n  fix: Its keys: `one`, `two`.",
    ),
    "a key of no mapping": (
        Top1(label="one"), PLAIN,
        "metric `top1`: the label has no key `one`.\n  fix: It is no mapping; leave `label` out.",
    ),
    "no labels": (
        Top1(), of(np.eye(2)),
        ("metric `top1`: the samples have no labels.\n"
        "  fix: Yield a `label` with each sample, or use sqnr, agreement or max_error, which need none."),
    ),
    "labels that are no classes": (
        Top1(), of(np.eye(2), [0.5, 1.0]),
        ("metric `top1`: labels are float64 of shape (), not class numbers.\n"
        "  fix: Yield a whole number from 0 for each sample."),
    ),
    "labels that are texts": (
        Top1(), of(np.eye(2), ["cat", "dog"]),
        ("metric `top1`: labels are <U3 of shape (), not class numbers.\n"
        "  fix: Yield a whole number from 0 for each sample."),
    ),
    "an output with too many axes": (
        Top1(), of(np.zeros((2, 3, 4)), [0, 1]),
        ("metric `top1`: output `y` has shape (3, 4), not one score for each class.\n"
        "  fix: Choose another with `output: …`, reduce it with `decode`, or say which step of a sequence: "
        "`step: last`."),
    ),
    "an output of texts": (
        Top1(), of(np.array([["a"], ["b"]]), [0, 1]),
        "metric `top1`: output `y` is <U1, not numbers.\n  fix: Choose another with `output: …`.",
    ),
    "k beyond the classes": (
        TopK(k=3), PLAIN,
        ("metric `topk`: the output has 3 scores; all of them are among the 3 highest.\n"
        "  fix: Give a smaller `k`, or use top1."),
    ),
    "binary f1 of three classes": (
        F1(average="binary"), of(np.eye(3), [0, 1, 2]),
        "metric `f1`: there are more than two classes.\n  fix: Use `average: macro`, `micro` or `weighted`.",
    ),
    "auroc of one class": (
        Auroc(), of([0.1, 0.2], [1, 1]),
        "metric `auroc`: all samples are of one class.\n  fix: Give the split samples of two classes at least.",
    ),
    "labels of another shape": (
        Mae(), of(np.zeros((2, 3)), [0.0, 1.0]),
        ("metric `mae`: output `y` has shape (3,) and type float64, labels have shape () and type float64.\n"
        "  fix: Choose others with `output: …` and `label: …`."),
    ),
    "a reference of another shape": (
        Sqnr(), of(np.zeros((2, 3)), reference=np.zeros((2, 4))),
        ("metric `sqnr`: output `y` has shape (2, 3) and type float64, the reference has shape (2, 4).\n"
        "  fix: Compare an output of numbers of one shape: `output: …`."),
    ),
    "a tag nobody has": (
        Top1(where={"lihgt": "day"}), PLAIN,
        "metric `top1`: no sample has a tag `lihgt`; did you mean `light`?\n  fix: Tags of the samples: light.",
    ),
    "a value nobody has": (
        Top1(where={"light": "dusk"}), PLAIN,
        "metric `top1`: no sample has light: dusk.\n  fix: Correct `where`, or give the split more samples.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPLAINTS)
def test_a_metric_that_does_not_suit_says_why(name: str) -> None:
    metric, samples, text = COMPLAINTS[name]

    with pytest.raises(DataError) as caught:
        metric.value(sliced(metric, samples))
    assert str(caught.value) == text


def test_a_users_function_sees_outputs_labels_and_what_it_names() -> None:
    def spread(outputs: Any, labels: Any, reference: Any) -> Any:
        assert list(outputs) == list(reference) == ["y"] and labels.tolist() == [0, 1]
        return np.float32(outputs["y"].sum())

    metric = Function(function="m.py:spread", unit="%")
    assert metric.bound(spread).value(of(np.eye(2), [0, 1])) == 2
    assert metric.bound(lambda outputs, labels: float(labels is None)).value(of(np.eye(2))) == 1
    mapped = metric.bound(lambda outputs, labels: len(labels) + len(outputs))
    assert mapped.value(MAPPED) == 4
    assert Function(function="m.py:f", output="a").bound(lambda outputs, labels: len(outputs)).value(MAPPED) == 1


@pytest.mark.parametrize("result", [None, "high", float("nan"), [1, 2]])
def test_a_users_function_that_gives_no_number_is_told(result: Any) -> None:
    with pytest.raises(UserCodeError) as caught:
        Function(function="m.py:f").bound(lambda outputs, labels: result).value(PLAIN)

    assert str(caught.value) == (
        f"m.py:f: gave {result!r}, not a finite number.\n  fix: Return one number, in the metric's `unit`."
    )
