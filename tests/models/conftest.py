"""Small real models, made once: TensorFlow takes ten seconds to import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.models.tool import install, pinned_tool
from tests.models.zoo import Feed, ZooModel, build


@pytest.fixture(scope="session")
def keras_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One convolutional network with GELU, batch norm and two outputs, as `keras`, `h5` and `savedmodel`."""
    import keras

    folder = tmp_path_factory.mktemp("keras")
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    deep = keras.layers.Conv2D(8, 3, activation="gelu", padding="same")(image)
    deep = keras.layers.BatchNormalization()(deep)
    deep = keras.layers.DepthwiseConv2D(3, activation="relu")(deep)
    deep = keras.layers.GlobalAveragePooling2D()(deep)
    scores = keras.layers.Dense(4, activation="softmax", name="scores")(deep)
    box = keras.layers.Dense(2, name="box")(deep)
    model = keras.Model(image, [scores, box])
    files = {"keras": folder / "m.keras", "h5": folder / "m.h5", "savedmodel": folder / "saved"}
    model.save(files["keras"])
    model.save(files["h5"])
    model.export(files["savedmodel"], verbose=False)
    return files


@pytest.fixture(scope="session")
def images() -> np.ndarray[Any, Any]:
    """Eight images, float32 of (8, 12, 12, 3)."""
    return np.random.default_rng(1).random((8, 12, 12, 3), dtype=np.float32)


@pytest.fixture(scope="session")
def onnx2tf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pinned tool, made from the package index."""
    folder = tmp_path_factory.mktemp("onnx2tf")
    step = pinned_tool("onnx2tf")
    made = folder / "tool"
    install(step.name, step.lock, made, folder)
    return made


@pytest.fixture(scope="session")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ZooModel]:
    """A model of the zoo by name, written once."""
    folder = tmp_path_factory.mktemp("zoo")
    return cache(lambda name: build(name, folder / name))


def outputs(session: str, model: Path, images: np.ndarray[Any, Any]) -> list[dict[str, np.ndarray[Any, Any]]]:
    """What a session of ours says of each image."""
    from importlib import import_module

    opened = import_module(f"edgebuild.runtimes.{session}.session").open(str(model), {"threads": 1})
    name = opened.inputs[0]["name"]
    return [opened.run({name: image[None]}) for image in images]


def furthest(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> float:
    """Largest difference of any output, by name; fails where names differ."""
    worst = 0.0
    for left, right in zip(one, other, strict=True):
        assert set(left) == set(right)
        worst = max([worst, *(float(np.abs(left[name] - right[name]).max()) for name in left)])
    return worst


def onnx_model(file: Path, opset: int = 17, batch: int | str = 1, inputs: str = "x") -> Path:
    """`y = relu(conv(x, w))`, x float32 (batch, 3, 8, 8), two weights of its four channels, after an idle Identity."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(2)
    weight = numpy_helper.from_array(random.normal(size=(4, 3, 3, 3)).astype(np.float32), "w")
    graph = helper.make_graph(
        [
            helper.make_node("Identity", [inputs], ["same"]),
            helper.make_node("Conv", ["same", "w"], ["c"]),
            helper.make_node("Relu", ["c"], ["y"]),
        ],
        "small",
        [helper.make_tensor_value_info(inputs, TensorProto.FLOAT, [batch, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 4, 6, 6])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, file)
    return file


def said(session: str, model: Path, feeds: Sequence[Feed]) -> list[Feed]:
    """What a session of ours says of each feed."""
    from importlib import import_module

    opened = import_module(f"edgebuild.runtimes.{session}.session").open(str(model), {"threads": 1})
    return [opened.run(feed) for feed in feeds]
