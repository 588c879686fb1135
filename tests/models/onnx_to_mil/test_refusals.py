"""What is declined, by name and before anything wrong is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgebuild.errors import Refused
from edgebuild.models.convert.onnx_to_mil.lower import lower
from tests.models.onnx_to_mil.cases import model_of, normal, one

X = {"x": normal(2, 3, 8, 8)}


def test_all_operators_without_a_lowering_at_once() -> None:
    nodes = [
        helper.make_node("Det", ["x"], ["a"], name="first"),
        helper.make_node("Unique", ["a"], ["b"], name="second"),
        helper.make_node("Det", ["x"], ["c"], name="third"),
        helper.make_node("Add", ["b", "c"], ["y"]),
    ]
    with pytest.raises(Refused) as caught:
        lower(model_of(nodes, X, {}, ["y"]))
    assert "nodes `first`, `third` (Det)" in caught.value.why
    assert "node `second` (Unique)" in caught.value.why
    assert caught.value.kind == "not applicable"


LENGTHS = {"w": normal(1, 20, 3), "r": normal(1, 20, 5), "n": np.array([4, 2], np.int32)}
REFUSED: list[tuple[onnx.ModelProto, str]] = [
    (one("Cast", X, to=TensorProto.BFLOAT16, kind=TensorProto.BFLOAT16), "output `y0` is bfloat16"),
    (one("Neg", {"x": np.zeros((1,) * 6, np.float32)}), "input `x` has 6 dimensions"),
    (one("Unsqueeze", {"x": normal(1, 2, 1, 2, 2)}, {"a": np.array([0])}), "6 dimensions"),
    (one("BitShift", {"x": np.ones(2, np.uint64)}, {"n": np.ones(2, np.uint64)}, kind=TensorProto.UINT64,
         direction="LEFT"), r"`it` \(BitShift\): shifts bits of uint32 or uint64 to the left"),
    (one("LSTM", {"x": normal(4, 2, 3)}, LENGTHS, order=["x", "w", "r", "", "n"], hidden_size=5),
     r"`it` \(LSTM\).*sequence_lens"),
    (one("Reshape", {"x": normal(4), "s": np.array([2, 2])}), ""),
    (one("Gather", {"x": normal(4)}, {"i": np.array([7])}), r"`it` \(Gather\).*outside"),
    (one("Pad", {"x": normal(4), "p": np.array([1, 1])}), r"`it` \(Pad\).*must be a constant"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "words"), [item for item in REFUSED if item[1]])
def test_the_node_and_the_reason_are_named(model: onnx.ModelProto, words: str) -> None:
    with pytest.raises(Refused, match=words):
        lower(model, minimum_os="iOS17")


def test_branches_of_different_shapes() -> None:
    result = [helper.make_tensor_value_info("o", 1, None)]
    then = helper.make_graph([helper.make_node("Relu", ["x"], ["o"])], "b", [], result)
    other = helper.make_graph([helper.make_node("Concat", ["x", "x"], ["o"], axis=0)], "b", [], result)
    node: Any = helper.make_node("If", ["c"], ["y"], name="fork", then_branch=then, else_branch=other)
    feed = {"c": np.array(True), "x": normal(3)}
    with pytest.raises(Refused, match=r"`fork` \(If\): chooses at run time between branches of different shapes"):
        lower(model_of([node], feed, {}, ["y"]))


def test_a_number_beyond_float32() -> None:
    model = one("Add", {"x": np.zeros(2)}, {"c": np.array([1e300, 1])}, kind=TensorProto.DOUBLE)
    with pytest.raises(Refused, match=r"`it` \(Add\).*beyond float32"):
        lower(model)


def test_a_system_that_is_none() -> None:
    with pytest.raises(Refused, match="`iOS12` is no system") as caught:
        lower(one("Relu", X), minimum_os="iOS12")
    assert "iOS15" in caught.value.fix
