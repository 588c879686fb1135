"""Normalisations, reductions and Microsoft's operators, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.onnx_to_mil.cases import check, normal, one


def test_layer_and_group_normalisation() -> None:
    feed = {"x": normal(2, 4, 6)}
    check(one("LayerNormalization", feed, {"s": normal(4, 6), "b": normal(4, 6)}, axis=1, epsilon=0.1), feed)
    check(one("InstanceNormalization", feed, {"s": normal(4), "b": normal(4)}, epsilon=0.1), feed)
    check(one("LRN", {"x": normal(1, 6, 3, 3)}, size=3, alpha=0.5), {"x": normal(1, 6, 3, 3)})
    check(one("GroupNormalization", feed, {"s": normal(4), "b": normal(4)}, opset=21, num_groups=2), feed)


@pytest.mark.parametrize(
    "op", ["ReduceSum", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceProd"]
)
def test_reductions_by_attribute_and_by_input(op: str) -> None:
    feed = {"x": normal(2, 3, 4)}
    if op == "ReduceSum":
        check(one(op, feed, {"axes": np.array([0, -1])}, keepdims=0), feed)
    else:
        check(one(op, feed, axes=[0, -1], keepdims=0), feed)
        check(one(op, feed, {"axes": np.array([1])}, opset=18), feed)


def test_microsofts_operators() -> None:
    feed = {"x": normal(2, 5)}
    for name in ("Gelu", "QuickGelu"):
        check(one(name, feed, domain="com.microsoft"), feed)
    check(one("BiasGelu", feed, {"b": normal(5)}, domain="com.microsoft"), feed)
    feed = {"a": normal(2, 4, 3), "b": normal(2, 5, 4)}
    check(one("FusedMatMul", feed, domain="com.microsoft", transA=1, transB=1, alpha=0.5), feed)
