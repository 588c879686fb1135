"""Equal graphs have equal bytes, whatever an exporter called their parts and in whatever order it wrote them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from edgebuild.models.convert.onnx_names import every_name, rename
from edgebuild.models.tidy.canonical import canonical
from tests.models.conftest import onnx_model


def shuffled(model: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """The same function with other inner names, other node names, and constants in another order."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    chance = random.Random(seed)
    ends = {item.name for item in (*copy.graph.input, *copy.graph.output)}
    rename(copy.graph, {name: f"t{chance.random()}" for name in every_name(copy.graph) - ends})
    for node in copy.graph.node:
        node.name = f"n{chance.random()}"
    constants = list(copy.graph.initializer)
    chance.shuffle(constants)
    del copy.graph.initializer[:]
    copy.graph.initializer.extend(constants)
    return copy


@pytest.mark.parametrize("seed", range(5))
def test_names_and_order_of_an_exporter_leave_no_trace(seed: int, tmp_path: Path) -> None:
    one = onnx.load(onnx_model(tmp_path / "m.onnx"))
    other = shuffled(one, seed)
    assert one.SerializeToString() != other.SerializeToString()
    canonical(one)
    canonical(other)
    assert one.SerializeToString() == other.SerializeToString()


def test_a_canonical_graph_is_the_same_function(tmp_path: Path) -> None:
    file = onnx_model(tmp_path / "m.onnx")
    model = onnx.load(file)
    canonical(model)
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "c.onnx")
    x = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)
    found = [ort.InferenceSession(str(name)).run(None, {"x": x})[0] for name in (file, tmp_path / "c.onnx")]
    np.testing.assert_array_equal(*found)


def test_another_constant_is_another_graph(tmp_path: Path) -> None:
    one = onnx.load(onnx_model(tmp_path / "m.onnx"))
    other = onnx.load(onnx_model(tmp_path / "m.onnx"))
    other.graph.initializer[0].raw_data = bytes(len(other.graph.initializer[0].raw_data))
    canonical(one)
    canonical(other)
    assert one.SerializeToString() != other.SerializeToString()
