"""Control flow written out while the model is converted, sequences, and what inference leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import Var, is_symbolic, mb
from edgebuild.models.convert.onnx_to_mil.slicing import joined_parts

LONGEST = 128
"""Turns of a loop that are written out."""
FIXED = "Fix the input that the condition comes from."


@dataclass(frozen=True)
class Items:
    """A sequence, whose tensors are known one by one."""

    items: tuple[Any, ...]


def if_(ctx: Context) -> Any:
    """If; the branch that a constant condition takes, or a choice between the results of both.

    Raises:
        Refused: the condition is computed at run time, and the branches give different shapes or types.
    """
    condition = ctx.constant(0)
    if condition is not None:
        branch = ctx.a("then_branch" if condition.ravel()[0] else "else_branch")
        return ctx.target.run_graph(branch, ctx.scope, ctx.opset)
    both = [ctx.target.run_graph(ctx.a(name), ctx.scope, ctx.opset) for name in ("then_branch", "else_branch")]
    return [chosen(ctx, yes, no) for yes, no in zip(*both, strict=True)]


def chosen(ctx: Context, yes: Any, no: Any) -> Any:
    """One of two values by the node's first input; both are computed."""
    if not all(isinstance(item, np.ndarray | Var) for item in (yes, no)):
        raise ctx.refuse("chooses at run time between what are no tensors", FIXED)
    yes, no = variable(ctx, yes), variable(ctx, no)
    if tuple(yes.shape) != tuple(no.shape) or yes.dtype != no.dtype:
        raise ctx.refuse("chooses at run time between branches of different shapes or types", FIXED)
    return mb.select(cond=ctx.i(0), a=yes, b=no)


def loop(ctx: Context) -> Any:
    """Loop written out: a constant number of turns, and a condition that stays a constant."""
    count, condition = (ctx.constant(k) if ctx.has(k) else None for k in (0, 1))
    if (ctx.has(0) and count is None) or (ctx.has(1) and condition is None):
        raise ctx.refuse("decides at run time how often it turns")
    turns = int(count.item()) if count is not None else LONGEST + 1
    going = condition is None or bool(condition.item())
    carried = [ctx.value(k) for k in range(2, len(ctx.node.input))]
    scanned: list[list[Any]] = []
    at = 0
    while going and at < turns:
        if at >= LONGEST:
            raise ctx.refuse(f"turns more than {LONGEST} times")
        given = [np.asarray(at, np.int64), np.asarray(True), *carried]
        keep, *rest = ctx.target.run_graph(ctx.a("body"), ctx.scope, ctx.opset, given)
        if not isinstance(keep, np.ndarray):
            raise ctx.refuse("decides at run time how often it turns")
        carried, going, at = rest[: len(carried)], bool(keep.item()), at + 1
        scanned.append(rest[len(carried) :])
    if not scanned and len(ctx.node.output) > len(carried):
        raise ctx.refuse("does not turn once, and Core ML has no empty tensors")
    columns = list(zip(*scanned, strict=True)) if scanned else []
    return [*carried, *(stacked(ctx, column, 0) for column in columns)]


def stacked(ctx: Context, parts: Any, axis: int) -> Any:
    """Values along a new axis."""
    if all(isinstance(item, np.ndarray) for item in parts):
        return np.stack(parts, axis)
    grown = [mb.expand_dims(x=variable(ctx, item), axes=[axis]) for item in parts]
    return joined_parts(ctx, grown, axis)


def variable(ctx: Context, value: Any) -> Any:
    """A value as a MIL variable."""
    return ctx.emit(value) if isinstance(value, np.ndarray) else value


def scan(ctx: Context) -> Any:
    """Scan written out, over one axis of a fixed size.

    Raises:
        Refused: an axis too long or open, or the other meaning that Scan had before opset 9.
    """
    if ctx.opset < 9:
        raise ctx.refuse("is of opset 8, whose Scan runs over batches", "Export the model with a newer opset.")
    count = int(ctx.a("num_scan_inputs"))
    states = len(ctx.node.input) - count
    inputs = [ctx.i(k) for k in range(states, len(ctx.node.input))]
    axes = [axis % item.rank for axis, item in zip(ctx.a("scan_input_axes", [0] * count), inputs, strict=True)]
    back = ctx.a("scan_input_directions", [0] * count)
    length = inputs[0].shape[axes[0]]
    if is_symbolic(length) or int(length) > LONGEST:
        raise ctx.refuse(f"runs over an open axis, or over more than {LONGEST} steps", "Fix the axis (`shapes`).")
    carried = [ctx.value(k) for k in range(states)]
    scanned = []
    for t in range(int(length)):
        given = [
            mb.gather(x=item, indices=np.int32(int(length) - 1 - t if turned else t), axis=axis)
            for item, axis, turned in zip(inputs, axes, back, strict=True)
        ]
        results = ctx.target.run_graph(ctx.a("body"), ctx.scope, ctx.opset, [*carried, *given])
        carried = results[:states]
        scanned.append(results[states:])
    found = []
    for k, column in enumerate(zip(*scanned, strict=True)):
        parts = column[::-1] if ctx.a("scan_output_directions", [0] * 99)[k] else column
        axis = ctx.a("scan_output_axes", [0] * 99)[k]
        found.append(stacked(ctx, parts, axis % (len(parts[0].shape) + 1)))
    return [*carried, *found]


def dropout(ctx: Context) -> Any:
    """Dropout in inference: its input, and a mask of ones.

    Raises:
        Refused: in training mode.
    """
    training = ctx.constant(2) if ctx.has(2) else np.asarray(False)
    ratio = ctx.constant(1) if ctx.has(1) else np.asarray(ctx.a("ratio", 0.5))
    if training is None or (training.item() and (ratio is None or ratio.item())):
        raise ctx.refuse("is in training mode", "Export the model for inference.")
    value = ctx.value(0)
    if not ctx.wants(1):
        return value
    return [value, np.ones(ctx.static(0), bool)]


def sequence_construct(ctx: Context) -> Any:
    """SequenceConstruct."""
    return Items(tuple(ctx.value(k) for k in range(len(ctx.node.input))))


def sequence_at(ctx: Context) -> Any:
    """SequenceAt a constant place."""
    return ctx.value(0).items[int(ctx.c(1).item())]


def sequence_length(ctx: Context) -> Any:
    """SequenceLength."""
    return np.asarray(len(ctx.value(0).items), np.int64)


def sequence_insert(ctx: Context) -> Any:
    """SequenceInsert at a constant place."""
    items = list(ctx.value(0).items)
    items.insert(int(ctx.c(2).item()) if ctx.has(2) else len(items), ctx.value(1))
    return Items(tuple(items))


def sequence_erase(ctx: Context) -> Any:
    """SequenceErase at a constant place."""
    items = list(ctx.value(0).items)
    del items[int(ctx.c(1).item()) if ctx.has(1) else -1]
    return Items(tuple(items))


def split_to_sequence(ctx: Context) -> Any:
    """SplitToSequence by constant sizes."""
    x = ctx.i(0)
    axis = ctx.axis("axis", 0, x.rank)
    size = int(ctx.static(0)[axis])
    given = ctx.c(1) if ctx.has(1) else np.asarray(1)
    each = (
        [int(item) for item in given]
        if given.ndim
        else [min(int(given), size - at) for at in range(0, size, int(given))]
    )
    parts = list(mb.split(x=x, split_sizes=each, axis=axis)) if len(each) > 1 else [x]
    if not ctx.has(1) and not ctx.a("keepdims", 1):
        parts = [mb.squeeze(x=item, axes=[axis]) for item in parts]
    return Items(tuple(parts))


def concat_from_sequence(ctx: Context) -> Any:
    """ConcatFromSequence, along an axis there or a new one."""
    items = ctx.value(0).items
    rank = len(items[0].shape)
    if ctx.a("new_axis", 0):
        return stacked(ctx, items, int(ctx.a("axis")) % (rank + 1))
    if all(isinstance(item, np.ndarray) for item in items):
        return np.concatenate(items, int(ctx.a("axis")))
    return joined_parts(ctx, [variable(ctx, item) for item in items], int(ctx.a("axis")) % rank)


HANDLERS: dict[str, Handler] = {
    "If": if_, "Loop": loop, "Scan": scan, "Dropout": dropout,
    "SequenceConstruct": sequence_construct, "SequenceAt": sequence_at, "SequenceLength": sequence_length,
    "SequenceInsert": sequence_insert, "SequenceErase": sequence_erase, "SplitToSequence": split_to_sequence,
    "ConcatFromSequence": concat_from_sequence, "SequenceEmpty": lambda _: Items(()),
}  # fmt: skip
