"""Networks of built-in spaces and of a user's builder, and what they cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.search.architecture.build import COST, START, build_network
from edgebuild.compress.search.architecture.holdout import FIT, HELD, hold_out
from edgebuild.compress.search.architecture.space import Choices
from edgebuild.core.dossier import Tensor
from edgebuild.data.samples import SampleSet
from edgebuild.data.usercode import resolve
from edgebuild.errors import Refused, UserCodeError
from edgebuild.models.inspect.facts import ModelFacts
from tests.compress.train.conftest import samples


def facts(folder: Path, *shape: int | str, classes: int = 3, dtype: str = "float32") -> Path:
    """`model.json` of a classifier."""
    known = ModelFacts(
        format="keras",
        inputs=(Tensor(name="image", shape=("batch", *shape), dtype=dtype),),
        outputs=(Tensor(name="scores", shape=("batch", classes), dtype="float32"),),
        ops={},
        parameters=0,
    )
    path = folder / "model.json"
    path.write_text(known.model_dump_json())
    return path


def built(folder: Path, known: Path, space: str, code: Any = None, **choices: float) -> tuple[Any, dict[str, int]]:
    """The model, and its cost."""
    import keras

    output = folder / f"out-{len(list(folder.iterdir()))}"
    given: Choices = dict(choices)
    build_network(known, space, code, given, 0, output)
    cost: dict[str, int] = json.loads((output / COST).read_text())
    return keras.models.load_model(output / START), cost


@pytest.mark.parametrize("space", ["mobilenet", "ds-cnn"])
@pytest.mark.parametrize(
    "shape", [(28, 28, 1), (3, 40, 40), (49, 10), (128,), (6, 6, 3)], ids=lambda shape: "x".join(map(str, shape))
)
def test_built_in_networks_take_any_one_input(tmp_path: Path, space: str, shape: tuple[int, ...]) -> None:
    model, cost = built(tmp_path, facts(tmp_path, *shape), space, width=0.25, depth=2, kernel=5)
    assert (model.inputs[0].name, model.output_names) == ("image", ["scores"])
    answers = model.predict(np.random.default_rng(0).normal(size=(2, *shape)).astype("float32"), verbose=0)
    assert answers.shape == (2, 3)
    np.testing.assert_allclose(answers.sum(1), 1, rtol=1e-5)
    assert cost["weights"] == model.count_params()
    assert cost["macs"] > 0


def test_each_choice_makes_another_network(tmp_path: Path) -> None:
    known = facts(tmp_path, 32, 32, 3)
    usual = {"width": 0.5, "depth": 3, "kernel": 3}
    base = built(tmp_path, known, "mobilenet", **usual)[1]
    for name, value in {"width": 1.0, "depth": 4, "kernel": 5}.items():
        assert built(tmp_path, known, "mobilenet", **usual | {name: value})[1]["weights"] > base["weights"], name
    model, smaller = built(tmp_path, known, "mobilenet", **usual, resolution=16)
    assert smaller["weights"] == base["weights"]
    assert smaller["macs"] < 0.5 * base["macs"]
    assert tuple(model.inputs[0].shape) == (None, 32, 32, 3)


def test_integers_are_scaled_and_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    known = facts(tmp_path, 12, 12, 1, dtype="uint8")
    model, _ = built(tmp_path, known, "ds-cnn", width=0.25)
    assert model.inputs[0].dtype == "uint8"
    for name in ("a", "b"):
        build_network(known, "ds-cnn", None, {"width": 0.25}, 3, tmp_path / name)
    assert (tmp_path / "a" / START).read_bytes() == (tmp_path / "b" / START).read_bytes()


@pytest.mark.parametrize(
    ("shape", "classes", "choices", "why"),
    [
        ((28, 28, 1), 1, {}, "hold classifiers"),
        ((28, "axis2", 1), 3, {}, "take pictures, features or series"),
        ((2, 8, 8, 3), 3, {}, "take pictures, features or series"),
        ((128,), 3, {"resolution": 64}, "a series has no resolution"),
    ],
)
def test_other_models_are_declined_with_the_way_out(
    tmp_path: Path, shape: tuple[int, ...], classes: int, choices: Choices, why: str
) -> None:
    with pytest.raises(Refused, match=why) as told:
        build_network(facts(tmp_path, *shape, classes=classes), "ds-cnn", None, choices, 0, tmp_path / "out")
    assert told.value.fix


BUILDER = """
import keras


def build(choices):
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Flatten()(image)
    for _ in range(choices["depth"]):
        x = keras.layers.Dense(8 * choices["width"], activation="relu")(x)
    return keras.Model(image, keras.layers.Dense(3, name="scores")(x))


def nothing(choices, seed):
    return seed
"""


def test_a_builder_of_the_users_gets_what_is_declared(tmp_path: Path) -> None:
    (tmp_path / "nas.py").write_text(BUILDER)
    known = facts(tmp_path, 8, 8, 1)
    model, cost = built(tmp_path, known, "nas.py:build", resolve(tmp_path, "nas.py:build"), depth=2, width=2)
    assert [layer.units for layer in model.layers[2:]] == [16, 16, 3]
    assert cost["macs"] == 64 * 16 + 16 * 16 + 16 * 3
    with pytest.raises(UserCodeError, match="returned int, no Keras model"):
        built(tmp_path, known, "nas.py:nothing", resolve(tmp_path, "nas.py:nothing"), depth=2)


def test_what_is_held_out_is_no_part_of_what_is_learned_from(tmp_path: Path) -> None:
    given = samples(tmp_path / "train", 150)
    hold_out(given, 0, False, tmp_path / "halves")
    fit, held = (SampleSet.load(tmp_path / "halves" / name) for name in (FIT, HELD))
    assert (len(fit), len(held)) == (120, 30)
    assert set(fit.ids) | set(held.ids) == set(SampleSet.load(given).ids)
    counts = np.bincount(held.labels["label"]) / 30 - np.bincount(fit.labels["label"]) / 120
    assert abs(counts).max() < 0.05


def test_a_group_is_never_cut_and_too_few_samples_are_said(tmp_path: Path) -> None:
    given = samples(tmp_path / "train", 150, groups=tuple(f"g{row // 5}" for row in range(150)))
    hold_out(given, 0, True, tmp_path / "halves")
    fit, held = (SampleSet.load(tmp_path / "halves" / name) for name in (FIT, HELD))
    assert not set(fit.groups) & set(held.groups)
    with pytest.raises(Refused, match="`train` has 40 samples") as told:
        hold_out(samples(tmp_path / "few", 40), 0, False, tmp_path / "none")
    assert told.value.fix == "Give `train` at least 50 samples."
