"""MIL's own recurrent layers, against ONNX Runtime's."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper

from edgebuild.runtimes.coreml.library import ct
from tests.runtimes.coreml.programs import evaluated, mb

S, B, F, H = 6, 2, 3, 4
MADE = np.random.default_rng(6)
BACK = {"forward": 1, "reverse": -1}


def real(*shape: int) -> np.ndarray:
    return MADE.normal(size=shape).astype(np.float32)


def answered(kind: str, inputs: dict[str, np.ndarray], outputs: int, **attributes: Any) -> list[np.ndarray]:
    """What ONNX Runtime says of one layer; an empty name leaves an input out."""
    names = [f"y{k}" for k in range(outputs)]
    node = helper.make_node(kind, [name if array.size else "" for name, array in inputs.items()], names, **attributes)
    given = {name: array for name, array in inputs.items() if array.size}
    kinds = {"float32": onnx.TensorProto.FLOAT, "int32": onnx.TensorProto.INT32}
    graph = helper.make_graph(
        [node], "one", [helper.make_tensor_value_info(n, kinds[a.dtype.name], a.shape) for n, a in given.items()],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found: list[np.ndarray] = ort.InferenceSession(model.SerializeToString()).run(None, given)
    return found


def ordered(weight: np.ndarray, order: str, wanted: str) -> np.ndarray:
    """Gates along the first axis in another order."""
    parts = dict(zip(order, np.split(weight, len(order)), strict=True))
    return np.concatenate([parts[gate] for gate in wanted])


NONE = np.zeros(0, np.float32)


@pytest.mark.parametrize("whole", [True, False], ids=["sequence", "last"])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("peephole", [False, True], ids=["plain", "peephole"])
def test_lstm(direction: str, peephole: bool, whole: bool) -> None:
    ways = 2 if direction == "bidirectional" else 1
    x, h, c = real(S, B, F), real(ways, B, H), real(ways, B, H)
    w, r, b, p = real(ways, 4 * H, F), real(ways, 4 * H, H), real(ways, 8 * H), real(ways, 3 * H)
    given = {"x": x, "w": w, "r": r, "b": b, "l": NONE, "h": h, "c": c, "p": p if peephole else NONE}
    outputs, last_h, last_c = answered("LSTM", given, 3, hidden_size=H, direction=direction)
    more: dict[str, Any] = {}
    for way, side in enumerate(("", "_back")[:ways]):
        more[f"weight_ih{side}"], more[f"weight_hh{side}"] = (ordered(part[way], "iofz", "ifoz") for part in (w, r))
        more[f"bias{side}"] = ordered(b[way, : 4 * H] + b[way, 4 * H :], "iofz", "ifoz")
        if peephole:
            more[f"peephole{side}"] = ordered(p[way], "iof", "ifo")
    flat = {"x": x, "h": np.concatenate(list(h), 1), "c": np.concatenate(list(c), 1)}
    found = evaluated(
        lambda x, h, c: mb.lstm(x=x, initial_h=h, initial_c=c, direction=direction, output_sequence=whole, **more), flat
    )
    # ONNX keeps the input's order; MIL keeps a reverse layer's own, but for the second half of a bidirectional one.
    wanted = np.concatenate([outputs[:, way] for way in range(ways)], -1)[:: BACK.get(direction, 1)]
    if not whole:
        wanted = np.concatenate([last_h[way] for way in range(ways)], -1)[None]
    for have, want in zip(
        found, (wanted, np.concatenate(list(last_h), 1), np.concatenate(list(last_c), 1)), strict=True
    ):
        np.testing.assert_allclose(have, want, atol=2e-6)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("direction", BACK)
def test_gru_resets_before_its_product_unless_told(direction: str, late: bool) -> None:
    x, h, w, r, b = real(S, B, F), real(1, B, H), real(1, 3 * H, F), real(1, 3 * H, H), real(1, 6 * H)
    given = {"x": x, "w": w, "r": r, "b": b, "l": NONE, "h": h}
    outputs, last = answered("GRU", given, 2, hidden_size=H, direction=direction, linear_before_reset=int(late))
    weights = {f"weight_{name}": ordered(part[0], "zro", "roz") for name, part in (("ih", w), ("hh", r))}
    own, state = ordered(b[0, : 3 * H], "zro", "roz"), ordered(b[0, 3 * H :], "zro", "roz")
    more = {"reset_after": True, "input_bias": own, "bias": state} if late else {"bias": own + state}
    found = evaluated(
        lambda x, h: mb.gru(x=x, initial_h=h, direction=direction, output_sequence=True, **weights, **more),
        {"x": x, "h": h[0]}, ct.target.iOS18,
    )  # fmt: skip
    np.testing.assert_allclose(found[0], outputs[:, 0][:: BACK[direction]], atol=2e-6)
    np.testing.assert_allclose(found[1], last[0], atol=2e-6)


@pytest.mark.parametrize(("mil", "activation"), [("tanh", "Tanh"), ("relu", "Relu"), ("sigmoid", "Sigmoid")])
@pytest.mark.parametrize("direction", BACK)
def test_rnn(direction: str, mil: str, activation: str) -> None:
    x, h, w, r, b = real(S, B, F), real(1, B, H), real(1, H, F), real(1, H, H), real(1, 2 * H)
    given = {"x": x, "w": w, "r": r, "b": b, "l": NONE, "h": h}
    outputs, last = answered("RNN", given, 2, hidden_size=H, direction=direction, activations=[activation])
    weights = {"weight_ih": w[0], "weight_hh": r[0], "bias": b[0, :H] + b[0, H:], "activation": mil}
    found = evaluated(
        lambda x, h: mb.rnn(x=x, initial_h=h, direction=direction, output_sequence=True, **weights), {"x": x, "h": h[0]}
    )
    np.testing.assert_allclose(found[0], outputs[:, 0][:: BACK[direction]], atol=2e-6, rtol=1e-5)
    np.testing.assert_allclose(found[1], last[0], atol=2e-6, rtol=1e-5)


def test_a_clipped_cell_stays_within_its_bound() -> None:
    x, zeros = 5 * np.abs(real(S, B, F)), np.zeros((B, H), np.float32)
    weights = {"weight_ih": np.abs(real(4 * H, F)), "weight_hh": np.abs(real(4 * H, H))}
    free, bound = (
        evaluated(lambda x, h, c, clip=clip: mb.lstm(x=x, initial_h=h, initial_c=c, clip=clip, **weights),
                  {"x": x, "h": zeros, "c": zeros})[2]
        for clip in (100.0, 0.3)
    )  # fmt: skip
    assert free.min() > 0.3
    np.testing.assert_array_equal(bound, np.full((B, H), 0.3, np.float32))
