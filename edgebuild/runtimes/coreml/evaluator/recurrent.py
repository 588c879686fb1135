"""Recurrent layers. Sequences are [s, b, features]; a reverse layer answers in the order in which it read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.activation import sigmoid

Array = np.ndarray

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, np.float32(0)),
    "tanh": np.tanh,
    # Of scale and slope 1, the only ones that can be stored.
    "scaled_tanh": np.tanh,
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.clip(np.float32(0.2) * x + np.float32(0.5), np.float32(0), np.float32(1)),
}
ACTIVATIONS["sigmoid_hard"] = ACTIVATIONS["hard_sigmoid"]


def lstm(
    x: Array,
    initial_h: Array,
    initial_c: Array,
    direction: str = "forward",
    output_sequence: Any = False,
    **given: Any,
) -> tuple[Array, Array, Array]:
    """Long short-term memory, gates in the order input, forget, output, cell.

    Returns:
        Every output (or the last, as a sequence of one), the last output and the last cell state; both directions side
        by side, the backward one in the input's order.
    """
    if str(direction) != "bidirectional":
        steps = x if str(direction) == "forward" else x[::-1]
        outputs, last_h, last_c = _lstm(steps, initial_h, initial_c, given, "")
        return (outputs if output_sequence else outputs[-1:]), last_h, last_c
    size = initial_h.shape[1] // 2
    there = _lstm(x, initial_h[:, :size], initial_c[:, :size], given, "")
    back = _lstm(x[::-1], initial_h[:, size:], initial_c[:, size:], given, "_back")
    ways = (there[0], back[0][::-1]) if output_sequence else (there[0][-1:], back[0][-1:])
    outputs, last_h, last_c = (
        np.concatenate(pair, axis=-1) for pair in (ways, (there[1], back[1]), (there[2], back[2]))
    )
    return outputs, last_h, last_c


def _lstm(x: Array, h: Array, c: Array, given: dict[str, Any], side: str) -> tuple[Array, Array, Array]:
    gate, cell, out = (
        ACTIVATIONS[str(given.get(f"{name}activation", usual)).lower()]
        for name, usual in (("recurrent_", "sigmoid"), ("cell_", "tanh"), ("", "tanh"))
    )
    weight, size = np.ascontiguousarray(given[f"weight_hh{side}"].T), h.shape[1]
    entered = np.matmul(x, given[f"weight_ih{side}"].T)
    if given.get(f"bias{side}") is not None:
        entered += given[f"bias{side}"]
    peephole = given.get(f"peephole{side}")
    look = [0.0] * 3 if peephole is None else np.split(peephole, 3)
    bound = given.get("clip")
    outputs = np.empty((len(x), *h.shape), np.float32)
    for step, part in enumerate(entered):
        i, f, o, z = np.split(part + h @ weight, 4, axis=1)
        c = gate(f + c * look[1]) * c + gate(i + c * look[0]) * cell(z)
        if bound is not None:
            c = np.clip(c, -bound, bound)
        h = gate(o + c * look[2]) * out(c)
        outputs[step] = h
    return outputs, h.reshape(-1, size), c


def gru(
    x: Array,
    initial_h: Array,
    weight_ih: Array,
    weight_hh: Array,
    direction: str = "forward",
    output_sequence: Any = False,
    **given: Any,
) -> tuple[Array, Array]:
    """Gated recurrent unit, gates in the order reset, output, update.

    The reset gate is applied to the state before its product with the weights, as Core ML computes it, whatever the
    formula in coremltools' docstring says (its own tests do the same); after it with `reset_after` (iOS 18).
    """
    gate = ACTIVATIONS[str(given.get("recurrent_activation", "sigmoid")).lower()]
    out = ACTIVATIONS[str(given.get("activation", "tanh")).lower()]
    late = bool(given.get("reset_after", False))
    entered = np.matmul(x if str(direction) == "forward" else x[::-1], weight_ih.T)
    own, bias = given.get("input_bias"), given.get("bias")
    entered = entered if own is None else entered + own
    reset_bias, out_bias, update_bias = [0.0] * 3 if bias is None else np.split(bias, 3)
    reset, output, update = (np.ascontiguousarray(part.T) for part in np.split(weight_hh, 3))
    h, outputs = initial_h, np.empty((len(x), *initial_h.shape), np.float32)
    for step, part in enumerate(entered):
        in_r, in_o, in_z = np.split(part, 3, axis=1)
        r, z = gate(in_r + h @ reset + reset_bias), gate(in_z + h @ update + update_bias)
        inner = r * (h @ output + out_bias) if late else (r * h) @ output + out_bias
        h = (1 - z) * out(in_o + inner) + z * h
        outputs[step] = h
    return (outputs if output_sequence else outputs[-1:]), h


def rnn(  # noqa: PLR0913, PLR0917 - the operator's inputs
    x: Array,
    initial_h: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Any = None,
    direction: str = "forward",
    output_sequence: Any = False,
    activation: str = "tanh",
) -> tuple[Array, Array]:
    """A plain recurrent layer."""
    out = ACTIVATIONS[str(activation).lower()]
    entered = np.matmul(x if str(direction) == "forward" else x[::-1], weight_ih.T)
    entered = entered if bias is None else entered + bias
    h, outputs = initial_h, np.empty((len(x), *initial_h.shape), np.float32)
    for step, part in enumerate(entered):
        h = out(part + h @ weight_hh.T)
        outputs[step] = h
    return (outputs if output_sequence else outputs[-1:]), h
