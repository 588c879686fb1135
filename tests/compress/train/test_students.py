"""Where trainings start: fresh weights, narrower copies, students of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.train.students import build_student, fresh_weights, rounded
from edgebuild.data.usercode import resolve
from edgebuild.errors import Refused, UserCodeError
from tests.compress.train.conftest import network


def saved(model: Any, folder: Path) -> Path:
    model.save(folder / "source.keras")
    return folder / "source.keras"


def opened(path: Path) -> Any:
    import keras

    return keras.models.load_model(path, compile=False)


def test_fresh_weights_are_drawn_by_the_seed(tmp_path: Path) -> None:
    source, places = saved(network(normalized=True), tmp_path), [tmp_path / f"{name}.keras" for name in "abc"]
    for place, seed in zip(places, (1, 1, 2), strict=True):
        fresh_weights(source, place, seed, 1.0)
    first, again, other = (place.read_bytes() for place in places)
    assert first == again != other
    fresh, old = opened(places[0]), opened(source)
    assert [layer.name for layer in fresh.layers] == [layer.name for layer in old.layers]
    assert not np.array_equal(fresh.get_layer("conv").get_weights()[0], old.get_layer("conv").get_weights()[0])


def test_a_seed_that_a_layer_was_built_with_does_not_decide(tmp_path: Path) -> None:
    import keras
    from keras import initializers, layers

    image = keras.Input((4, 3), name="image")
    rnn = layers.RNN(layers.LSTMCell(8, kernel_initializer=initializers.HeNormal(seed=1)), name="rnn")
    x = layers.Bidirectional(layers.GRU(4, kernel_initializer=initializers.HeNormal(seed=2)), name="both")(image)
    x = layers.Concatenate()([x, rnn(image)])
    last = layers.Dense(2, kernel_initializer=initializers.HeNormal(seed=42), name="last")(x)
    source = saved(keras.Model(image, last), tmp_path)
    for seed in (0, 1):
        fresh_weights(source, tmp_path / f"{seed}.keras", seed, 1.0)
    first, second = opened(tmp_path / "0.keras"), opened(tmp_path / "1.keras")
    for name in ("rnn", "both", "last"):
        kernels = [model.get_layer(name).get_weights()[0] for model in (first, second)]
        assert not np.array_equal(*kernels), name


def test_a_head_that_is_a_model_keeps_its_classes(tmp_path: Path) -> None:
    import keras
    from keras import layers

    head = keras.Sequential([keras.Input((24,)), layers.Dense(32, name="conv"), layers.Dense(24, name="scores")])
    image = keras.Input((8, 8, 1), name="image")
    x = layers.TimeDistributed(layers.Conv1D(24, 3))(layers.Conv2D(24, 3, name="scores")(image))
    x = layers.GlobalAveragePooling2D()(x)
    fresh_weights(saved(keras.Model(image, head(x)), tmp_path), tmp_path / "half.keras", 0, 0.5)
    half = opened(tmp_path / "half.keras")
    assert half.get_layer("scores").filters == 16
    assert half.predict(np.ones((2, 8, 8, 1)), verbose=0).shape == (2, 24)


def residual() -> Any:
    """Two branches that are added, depthwise and joined, then squeezed and excited; 5 scores."""
    import keras
    from keras import layers

    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(32, 3, padding="same", name="stem")(image)
    y = layers.Conv2D(32, 1, name="side")(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.Concatenate()([layers.Add()([x, y]), layers.Conv2D(16, 1, name="extra")(x)])
    gate = layers.Reshape((1, 1, 48))(layers.GlobalAveragePooling2D()(x))
    x = layers.Multiply()([x, layers.Conv2D(48, 1, activation="sigmoid", name="gate")(gate)])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Softmax(name="scores")(layers.Dense(5, name="head")(x)))


def test_a_narrower_copy_keeps_its_interface_and_its_joints(tmp_path: Path) -> None:
    made = tmp_path / "half.keras"
    fresh_weights(saved(residual(), tmp_path), made, 0, 0.5)
    half = opened(made)
    widths = {name: half.get_layer(name).filters for name in ("stem", "side", "extra", "gate")}
    assert widths == {"stem": 16, "side": 16, "extra": 8, "gate": 24}
    assert half.get_layer("head").units == 5
    assert half.output_names == ["scores"]
    assert [item.name for item in half.inputs] == ["image"]


def test_channels_come_in_eights() -> None:
    assert [rounded(channels, 0.5) for channels in (64, 24, 12, 8, 6, 40)] == [32, 16, 8, 8, 6, 16]
    assert rounded(64, 0.3) == 16
    assert rounded(64, 1.0) == 64


def test_what_cannot_be_narrower_is_refused(tmp_path: Path) -> None:
    import keras

    image = keras.Input((8,))
    with pytest.raises(Refused, match=r"no layer's channels can be multiplied by 0\.5"):
        fresh_weights(saved(keras.Model(image, keras.layers.Dense(10)(image)), tmp_path), tmp_path / "x.keras", 0, 0.5)
    image = keras.Input((4, 4, 64))
    fixed = keras.Model(image, keras.layers.Add()([image, keras.layers.Conv2D(64, 1, name="same")(image)]))
    wide = keras.Model(fixed.inputs, keras.layers.Dense(3)(keras.layers.Flatten()(fixed.outputs[0])))
    with pytest.raises(Refused) as caught:
        fresh_weights(saved(wide, tmp_path), tmp_path / "x.keras", 0, 0.5)
    assert "\x1b" not in caught.value.why
    assert caught.value.fix == "Write a student of your own: `student: student.py:build`."


def student(folder: Path, body: str, signature: str = "build()") -> Any:
    (folder / "student.py").write_text(f"import keras\n\n\ndef {signature}:\n{body}")
    return resolve(folder, "student.py:build")


def test_a_student_of_the_users_own_is_built_by_the_seed(tmp_path: Path) -> None:
    body = "    image = keras.Input((4,), name='image')\n    return keras.Model(image, keras.layers.Dense(2)(image))\n"
    code = student(tmp_path, body)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        build_student(code, tmp_path / f"{name}.keras", seed)
    first, again, other = ((tmp_path / f"{name}.keras").read_bytes() for name in "abc")
    assert first == again != other
    told = student(tmp_path, "    assert seed == 5\n" + body, "build(seed)")
    build_student(told, tmp_path / "d.keras", 5)


@pytest.mark.parametrize("body", ["    return 3\n", "    return keras.Sequential([keras.layers.Dense(2)])\n"])
def test_a_student_that_is_no_model_is_told(tmp_path: Path, body: str) -> None:
    with pytest.raises(UserCodeError, match="no Keras model with inputs and outputs"):
        build_student(student(tmp_path, body), tmp_path / "x.keras", 0)
