"""What LSTM, GRU and RNN share: weights, states, and steps written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context
from edgebuild.models.convert.onnx_to_mil.mil import is_symbolic, mb
from edgebuild.models.convert.onnx_to_mil.values import Array

LONGEST = 128


"""Steps that are written out one by one."""


PLAIN = {
    "sigmoid": lambda x: mb.sigmoid(x=x),
    "tanh": lambda x: mb.tanh(x=x),
    "relu": lambda x: mb.relu(x=x),
    "softsign": lambda x: mb.softsign(x=x),
    "softplus": lambda x: mb.softplus(x=x),
}


DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}


@dataclass
class Layer:
    """What the three operators share."""

    ctx: Context
    x: Any
    """[S, B, I]"""
    directions: list[bool]
    """Whether each runs backwards."""
    hidden: int
    w: Array
    """[D, G·H, I]"""
    r: Array
    """[D, G·H, H]"""
    b: Array
    """[D, 2, G·H]"""
    h0: Any
    """[D, B, H]"""

    @property
    def gates(self) -> int:
        """G."""
        return int(self.w.shape[1]) // self.hidden

    def acts(self, d: int) -> list[Callable[[Any], Any]]:
        """Activations of one direction.

        Raises:
            Refused: one that has no counterpart here.
        """
        kind = self.ctx.node.op_type
        count = len(DEFAULTS[kind])
        names = self.ctx.a("activations") or DEFAULTS[kind] * len(self.directions)
        chosen = [name.lower() for name in names[d * count : (d + 1) * count]]
        alphas = self.ctx.a("activation_alpha")
        for name in chosen:
            if name not in PLAIN or alphas:
                raise self.ctx.refuse(f"has the activation {name}" + (" with parameters" if alphas else ""))
        return [PLAIN[name] for name in chosen]


def layer(ctx: Context) -> Layer:
    """Read a node.

    Raises:
        Refused: weights that are computed, or sequences of different lengths.
    """
    x = ctx.f(0)
    if ctx.a("layout", 0):
        x = mb.transpose(x=x, perm=[1, 0, 2])
    w, r = ctx.c(1).astype(np.float32), ctx.c(2).astype(np.float32)
    hidden, count = r.shape[2], w.shape[0]
    b = ctx.c(3).astype(np.float32) if ctx.has(3) else np.zeros((count, 2 * w.shape[1]), np.float32)
    whole(ctx, x)
    direction = ctx.a("direction", "forward")
    ways = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    return Layer(ctx, x, ways, hidden, w, r, b.reshape(count, 2, -1), state(ctx, 5, x, count, hidden))


def whole(ctx: Context, x: Any) -> None:
    """Raises: Refused: `sequence_lens` that are not all the length of the input."""
    if not ctx.has(4):
        return
    lengths = ctx.constant(4)
    if lengths is None or is_symbolic(x.shape[0]) or any(int(item) != int(x.shape[0]) for item in lengths.ravel()):
        raise ctx.refuse(
            "has sequences of different lengths (`sequence_lens`)", "Leave the input out and pad the sequences."
        )


def state(ctx: Context, k: int, x: Any, count: int, hidden: int) -> Any:
    """An initial state [D, B, H], zeros where none is given."""
    if ctx.has(k):
        given = ctx.f(k)
        return mb.transpose(x=given, perm=[1, 0, 2]) if ctx.a("layout", 0) else given
    if not is_symbolic(x.shape[1]):
        return mb.const(val=np.zeros((count, int(x.shape[1]), hidden), np.float32))
    rows = mb.slice_by_index(x=mb.shape(x=x), begin=[1], end=[2])
    whole = mb.concat(values=[np.asarray([count], np.int32), rows, np.asarray([hidden], np.int32)], axis=0)
    return mb.fill(shape=whole, value=np.float32(0))


def one_state(states: Any, d: int) -> Any:
    """[B, H] of one direction."""
    part = mb.slice_by_index(x=states, begin=[d, 0, 0], end=[d + 1, 0, 0], end_mask=[False, True, True])
    return mb.squeeze(x=part, axes=[0])


def clipped(own: Layer, x: Any) -> Any:
    """What goes into an activation, within ±clip."""
    limit = own.ctx.a("clip")
    if limit is None:
        return x
    return mb.minimum(x=mb.maximum(x=x, y=np.float32(-limit)), y=np.float32(limit))


def steps(own: Layer, d: int, bias: Array) -> list[Any]:
    """X · W + bias for each step in the order they are taken, each [B, G·H].

    Raises:
        Refused: too many steps, or a number that is not known.
    """
    length = own.x.shape[0]
    if is_symbolic(length):
        raise own.ctx.refuse(
            "is written out step by step, and its sequence is an open axis", "Fix the axis (`shapes`)."
        )
    if int(length) > LONGEST:
        raise own.ctx.refuse(
            f"has {length} steps; {LONGEST} are written out at most", "Shorten the sequence, or use an LSTM."
        )
    every = mb.linear(x=own.x, weight=own.w[d], bias=bias.astype(np.float32))
    parts = [
        mb.squeeze(
            x=mb.slice_by_index(x=every, begin=[t, 0, 0], end=[t + 1, 0, 0], end_mask=[False, True, True]), axes=[0]
        )
        for t in range(int(length))
    ]
    return parts[::-1] if own.directions[d] else parts


def column(x: Any, k: int, hidden: int) -> Any:
    """The k-th gate of [B, G·H]."""
    return mb.slice_by_index(
        x=x, begin=[0, k * hidden], end=[0, (k + 1) * hidden], begin_mask=[True, False], end_mask=[True, False]
    )


def stacked(own: Layer, d: int, states: list[Any]) -> Any:
    """States of all steps as [S, B, H], in the order of the input."""
    ordered = states[::-1] if own.directions[d] else states
    return one_after_another(ordered, 0)


def one_after_another(parts: list[Any], axis: int) -> Any:
    """Along a new axis; MIL's `stack` wants more than one."""
    return mb.stack(values=parts, axis=axis) if len(parts) > 1 else mb.expand_dims(x=parts[0], axes=[axis])


def gathered(own: Layer, results: list[list[Any]]) -> list[Any]:
    """Y, Y_h and, of an LSTM, Y_c of all directions, in ONNX's layout."""
    swapped = bool(own.ctx.a("layout", 0))
    # [S, B, H] → [S, D, B, H], or [B, S, D, H]
    y = one_after_another([item[0] for item in results], 1)
    found = [mb.transpose(x=y, perm=[2, 0, 1, 3]) if swapped else y]
    for k in range(1, len(results[0])):
        found.append(one_after_another([item[k] for item in results], 1 if swapped else 0))
    return found
