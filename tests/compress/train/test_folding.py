"""Folded models say what the others say, with fewer layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from edgebuild.compress.train.folding import fold_norms, folded
from edgebuild.compress.train.points import points
from edgebuild.errors import Refused


def unsettled(model: Any) -> Any:
    """The model with normalization that changes something."""
    random = np.random.default_rng(3)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 2, item.shape) for item in layer.get_weights()])
    return model


def mixed() -> Any:
    """Every kind that is folded, a model within, a branch that is not to be folded."""
    keras.utils.set_random_seed(5)
    inner_in = keras.Input((8, 8, 4))
    inner = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", use_bias=False, name="depth")(inner_in)
    inner = keras.layers.BatchNormalization(name="depth_norm", scale=False)(inner)
    inner = keras.Model(inner_in, keras.layers.ReLU(6.0, name="six")(inner), name="inside")
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same", name="first")(image)
    x = keras.layers.BatchNormalization(name="first_norm")(x)
    x = inner(x)
    branch = keras.layers.Conv2D(8, 1, name="both")(x)
    both = keras.layers.Add(name="sum")([branch, keras.layers.BatchNormalization(name="stays")(branch)])
    x = keras.layers.Flatten(name="flat")(keras.layers.MaxPooling2D(4, name="pool")(both))
    return unsettled(keras.Model(image, keras.layers.Dense(3, activation="softmax", name="scores")(x)))


def test_outputs_are_the_same_and_normalization_is_gone(tmp_path: Path) -> None:
    model = mixed()
    model.save(tmp_path / "model.keras")
    fold_norms(tmp_path / "model.keras", tmp_path / "folded.keras")
    after = keras.models.load_model(tmp_path / "folded.keras", compile=False)
    x = np.random.default_rng(0).normal(size=(16, 8, 8, 1)).astype(np.float32)
    wanted = model.predict(x, verbose=0)
    np.testing.assert_allclose(after.predict(x, verbose=0), wanted, rtol=1e-4, atol=1e-6)
    kinds = [layer.name for layer in after.layers if isinstance(layer, keras.layers.BatchNormalization)]
    # The convolution that has another reader keeps its values.
    assert kinds == ["stays"]
    assert after.output_names == model.output_names == ["scores"]


def test_a_normalization_at_the_end_gives_its_name_to_what_is_left() -> None:
    x = keras.Input((4,), name="x")
    y = keras.layers.BatchNormalization(name="end")(keras.layers.Dense(2, name="dense")(x))
    after = folded(unsettled(keras.Model(x, y)))
    assert after.output_names == ["end"]
    assert [layer.name for layer in after.layers] == ["x", "end"]


def test_a_layer_that_is_called_twice_is_refused() -> None:
    x = keras.Input((4,), name="x")
    dense = keras.layers.Dense(4, name="again")
    with pytest.raises(Refused, match="layer `again` is called more than once"):
        folded(keras.Model(x, dense(dense(x))))


def test_values_that_share_integers_share_a_range() -> None:
    found = {point.tensor._keras_history.operation.name: point for point in points(folded(mixed()))}
    # What goes into ReLU alone is never stored; the softmax has a scale of the runtime's own.
    assert set(found) == {"image", "first", "six", "both", "stays", "sum", "pool", "flat", "scores_product"}
    assert {found[name].range for name in ("sum", "pool", "flat")} == {"sum"}
    assert [name for name in ("sum", "pool", "flat") if found[name].decides] == ["sum"]


def test_what_is_put_together_has_one_range() -> None:
    x = keras.Input((8, 8, 2), name="x")
    one, two = keras.layers.Conv2D(2, 1, name="one")(x), keras.layers.Conv2D(3, 1, name="two")(x)
    joined = keras.layers.Concatenate(name="joined")([one, keras.layers.MaxPooling2D(1, name="pool")(two)])
    found = {point.tensor._keras_history.operation.name: point for point in points(keras.Model(x, joined))}
    assert {found[name].range for name in ("one", "two", "pool", "joined")} == {"joined"}
    assert found["x"].range == "x"


def agrees(model: Any, shape: tuple[int, ...]) -> Any:
    """The folded model, which says the same of a few samples under the same names."""
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32)
    names, wanted = list(model.output_names), model.predict(x, verbose=0)
    after = folded(model)
    assert after.output_names == names
    np.testing.assert_allclose(after.predict(x, verbose=0), wanted, rtol=1e-4, atol=1e-5)
    return after


def test_an_output_that_a_model_inside_makes_keeps_its_name() -> None:
    head = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax", name="last")], name="head")
    x = keras.Input((4,), name="x")
    after = agrees(keras.Model(x, head(keras.layers.Dense(4, name="first")(x))), (4,))
    assert [layer.name for layer in after.layers] == ["x", "first", "head_product", "head"]


def test_a_normalization_of_two_layers_goes_where_both_take_it_up() -> None:
    def twice(second: Any) -> Any:
        x = keras.Input((4,), name="x")
        norm = keras.layers.BatchNormalization(name="norm")
        one = norm(keras.layers.Dense(3, name="one")(x))
        other = norm(second(keras.layers.Dense(3, name="other")(x)))
        return unsettled(keras.Model(x, keras.layers.Add(name="sum")([one, other])))

    both = agrees(twice(lambda value: value), (4,))
    assert [layer.name for layer in both.layers if "norm" in layer.name] == []
    stays = agrees(twice(keras.layers.ReLU(name="relu")), (4,))
    assert [layer.name for layer in stays.layers if "norm" in layer.name] == ["norm"]
