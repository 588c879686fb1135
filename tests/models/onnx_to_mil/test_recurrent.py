"""Recurrent networks with distinct weights for every gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from tests.models.onnx_to_mil.cases import check, normal, one

STEPS, BATCH, SIZE, HIDDEN = 4, 2, 3, 5


def network(
    op: str, gates: int, directions: int, states: int, **attributes: Any
) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A layer with bias and initial states, all different."""
    feed = {"x": normal(STEPS, BATCH, SIZE)}
    held = {
        "w": normal(directions, gates * HIDDEN, SIZE),
        "r": normal(directions, gates * HIDDEN, HIDDEN),
        "b": normal(directions, 2 * gates * HIDDEN),
    }
    initial = {f"s{k}": normal(directions, BATCH, HIDDEN) for k in range(states)}
    order = ["x", "w", "r", "b", "", *initial]
    if "p" in attributes:
        held["p"] = attributes.pop("p")
        order.append("p")
    model = one(op, feed, {**held, **initial}, order=order, outputs=1 + states, hidden_size=HIDDEN, **attributes)
    return model, feed


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_an_lstms_gates_stand_in_onnx_order(direction: str) -> None:
    check(*network("LSTM", 4, 2 if direction == "bidirectional" else 1, 2, direction=direction))


def test_an_lstm_with_peepholes_and_clip() -> None:
    check(*network("LSTM", 4, 1, 2, p=normal(1, 3 * HIDDEN), clip=0.8))


@pytest.mark.parametrize("late", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_a_gru_resets_before_or_after_its_product(late: int, direction: str) -> None:
    check(
        *network("GRU", 3, 2 if direction == "bidirectional" else 1, 1, direction=direction, linear_before_reset=late)
    )


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_an_rnn(direction: str) -> None:
    check(*network("RNN", 1, 1, 1, direction=direction, activations=["Relu"]))
