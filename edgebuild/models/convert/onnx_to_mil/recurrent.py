"""Recurrent networks: LSTM by MIL's own operator where it means the same, all others step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.layer import (
    Layer,
    clipped,
    column,
    gathered,
    layer,
    one_state,
    stacked,
    state,
    steps,
)
from edgebuild.models.convert.onnx_to_mil.mil import mb
from edgebuild.models.convert.onnx_to_mil.values import Array


def lstm(ctx: Context) -> Any:
    """LSTM."""
    own = layer(ctx)
    c0 = state(ctx, 6, own.x, len(own.directions), own.hidden)
    names = [name.lower() for name in ctx.a("activations") or ["Sigmoid", "Tanh", "Tanh"] * len(own.directions)]
    plain = names == ["sigmoid", "tanh", "tanh"] * len(own.directions)
    if ctx.a("clip") is None and not ctx.a("input_forget", 0) and not ctx.has(7) and plain:
        results = [lstm_by_operator(own, c0, d) for d in range(len(own.directions))]
    else:
        peepholes = ctx.c(7).reshape(len(own.directions), 3, own.hidden) if ctx.has(7) else None
        results = [
            lstm_by_steps(own, c0, d, None if peepholes is None else peepholes[d]) for d in range(len(own.directions))
        ]
    return gathered(own, results)


def reordered(part: Array, hidden: int) -> Array:
    """ONNX's gates i, o, f, c as MIL's i, f, o, c, along the first axis."""
    i, o, f, c = (part[k * hidden : (k + 1) * hidden] for k in range(4))
    return np.concatenate([i, f, o, c])


def lstm_by_operator(own: Layer, c0: Any, d: int) -> list[Any]:
    """One direction by `mb.lstm`; backwards by turning the sequence around before and after."""
    x = mb.reverse(x=own.x, axes=[0]) if own.directions[d] else own.x
    y, h, c = mb.lstm(
        x=x,
        initial_h=one_state(own.h0, d),
        initial_c=one_state(c0, d),
        weight_ih=reordered(own.w[d], own.hidden),
        weight_hh=reordered(own.r[d], own.hidden),
        bias=reordered(own.b[d, 0] + own.b[d, 1], own.hidden),
        direction="forward",
        output_sequence=True,
    )
    return [mb.reverse(x=y, axes=[0]) if own.directions[d] else y, h, c]


def lstm_by_steps(own: Layer, c0: Any, d: int, peepholes: Array | None) -> list[Any]:
    """One direction with clip, coupled gates, peepholes or other activations.

    Source: ONNX, LSTM: i = f(… + P_i ⊙ C), f = f(… + P_f ⊙ C) or 1 − i, c = g(…), C' = f ⊙ C + i ⊙ c,
    o = f(… + P_o ⊙ C'), H = o ⊙ h(C').
    """
    f, g, out = own.acts(d)
    hidden, one = own.hidden, np.float32(1)
    h, c, states = one_state(own.h0, d), one_state(c0, d), []
    zero = np.zeros((3, hidden), np.float32)
    pi, po, pf = zero if peepholes is None else peepholes.astype(np.float32)
    for part in steps(own, d, own.b[d, 0] + own.b[d, 1]):
        gates = mb.add(x=part, y=mb.linear(x=h, weight=own.r[d]))
        raw = [column(gates, k, hidden) for k in range(4)]
        i = f(clipped(own, peeped(raw[0], c, pi)))
        forget = mb.sub(x=one, y=i) if own.ctx.a("input_forget", 0) else f(clipped(own, peeped(raw[2], c, pf)))
        fresh = g(clipped(own, raw[3]))
        c = mb.add(x=mb.mul(x=forget, y=c), y=mb.mul(x=i, y=fresh))
        o = f(clipped(own, peeped(raw[1], c, po)))
        h = mb.mul(x=o, y=out(c))
        states.append(h)
    return [stacked(own, d, states), h, c]


def peeped(x: Any, c: Any, weight: Array) -> Any:
    """Plus what a gate sees of the cell."""
    return mb.add(x=x, y=mb.mul(x=c, y=weight)) if weight.any() else x


def gru(ctx: Context) -> Any:
    """GRU."""
    own = layer(ctx)
    return gathered(own, [gru_by_steps(own, d) for d in range(len(own.directions))])


def gru_by_steps(own: Layer, d: int) -> list[Any]:
    """One direction; `mb.gru` has one bias and resets in its own way.

    Source: ONNX, GRU: z = f(…), r = f(…), n = g(x W + (r ⊙ H) R + b), or with linear_before_reset
    g(x W + r ⊙ (H R + b_R) + b_W), H' = (1 − z) ⊙ n + z ⊙ H.
    """
    f, g = own.acts(d)
    hidden, late = own.hidden, bool(own.ctx.a("linear_before_reset", 0))
    forward = own.b[d, 0].copy()
    forward[: 2 * hidden] += own.b[d, 1, : 2 * hidden]
    if not late:
        forward[2 * hidden :] += own.b[d, 1, 2 * hidden :]
    h, states = one_state(own.h0, d), []
    for part in steps(own, d, forward):
        both = mb.linear(x=h, weight=own.r[d][: 2 * hidden])
        z = f(clipped(own, mb.add(x=column(part, 0, hidden), y=column(both, 0, hidden))))
        reset = f(clipped(own, mb.add(x=column(part, 1, hidden), y=column(both, 1, hidden))))
        if late:
            inner = mb.mul(
                x=reset, y=mb.linear(x=h, weight=own.r[d][2 * hidden :], bias=own.b[d, 1, 2 * hidden :].copy())
            )
        else:
            inner = mb.linear(x=mb.mul(x=reset, y=h), weight=own.r[d][2 * hidden :])
        n = g(clipped(own, mb.add(x=column(part, 2, hidden), y=inner)))
        h = mb.add(x=n, y=mb.mul(x=z, y=mb.sub(x=h, y=n)))
        states.append(h)
    return [stacked(own, d, states), h]


def rnn(ctx: Context) -> Any:
    """RNN."""
    own = layer(ctx)
    return gathered(own, [rnn_by_steps(own, d) for d in range(len(own.directions))])


def rnn_by_steps(own: Layer, d: int) -> list[Any]:
    """One direction: H' = f(x W + H R + b)."""
    (f,) = own.acts(d)
    h, states = one_state(own.h0, d), []
    for part in steps(own, d, own.b[d, 0] + own.b[d, 1]):
        h = f(clipped(own, mb.add(x=part, y=mb.linear(x=h, weight=own.r[d]))))
        states.append(h)
    return [stacked(own, d, states), h]


HANDLERS: dict[str, Handler] = {"LSTM": lstm, "GRU": gru, "RNN": rnn}
