"""Casts, and the choice between two tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from edgebuild.models.convert.onnx_to_mil.context import Context, Handler
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, is_symbolic, mb, types

CASTS = {
    TensorProto.FLOAT: "fp32", TensorProto.FLOAT16: "fp32", TensorProto.DOUBLE: "fp32",
    TensorProto.INT64: "int32", TensorProto.INT32: "int32", TensorProto.INT16: "int32", TensorProto.INT8: "int32",
    TensorProto.UINT8: "int32", TensorProto.UINT16: "int32", TensorProto.UINT32: "int32", TensorProto.UINT64: "int32",
    TensorProto.BOOL: "bool",
}  # fmt: skip


"""float16 is computed in float32, or in what precision the conversion asks for."""


def cast(ctx: Context) -> Any:
    """Cast between what MIL has."""
    return cast_to(ctx, int(ctx.a("to")))


def cast_like(ctx: Context) -> Any:
    """Cast to the type of the second input."""
    kind = ctx.kind(1)
    if not kind:
        raise ctx.refuse("casts to a type that is not known before run time")
    return cast_to(ctx, kind)


def cast_to(ctx: Context, kind: int) -> Any:
    """To an element type of ONNX.

    Raises:
        Refused: bfloat16, float8, text, and whatever else MIL does not compute with.
    """
    if kind not in CASTS:
        raise ctx.refuse(f"casts to {TensorProto.DataType.Name(kind).lower()}, which Core ML does not have")
    x, dtype = ctx.i(0), CASTS[kind]
    if dtype == "bool":
        if x.dtype == types.bool:
            return mb.identity(x=x)
        return mb.not_equal(x=x, y=np.int32(0) if x.dtype == types.int32 else np.float32(0))
    if dtype == "fp32":
        return mb.identity(x=x) if x.dtype in FLOAT else ctx.to_float(x)
    whole = mb.identity(x=x) if x.dtype == types.int32 else mb.cast(x=x, dtype="int32")
    return ctx.narrow(whole, kind) if ctx.kind(0) != kind else whole


def where(ctx: Context) -> Any:
    """Where; MIL's `select` takes its shape from the two values alone."""
    cond, x, y = ctx.i(0), ctx.i(1), ctx.i(2)
    if (x.dtype in FLOAT) != (y.dtype in FLOAT):
        x, y = ctx.to_float(x), ctx.to_float(y)
    if covers(cond.shape, x.shape, y.shape):
        return mb.select(cond=cond, a=x, b=y)
    # Adding zeros of the condition's shape makes the value as large as the condition.
    zeros = mb.cast(x=mb.logical_and(x=cond, y=mb.logical_not(x=cond)), dtype="int32")
    if x.dtype == types.bool:
        grown = mb.logical_or(x=x, y=mb.cast(x=zeros, dtype="bool"))
    else:
        grown = mb.add(x=x, y=zeros if x.dtype == types.int32 else mb.cast(x=zeros, dtype="fp32"))
    return mb.select(cond=cond, a=grown, b=y)


def covers(cond: Any, x: Any, y: Any) -> bool:
    """Whether a condition adds nothing to the shape of the two values."""
    rank = max(len(x), len(y))
    if len(cond) > rank:
        return False
    both = [
        [shape[len(shape) - rank + k] if k >= rank - len(shape) else 1 for shape in (cond, x, y)] for k in range(rank)
    ]
    return all((own == 1 and not is_symbolic(own)) or own in (a, b) for own, a, b in both)


HANDLERS: dict[str, Handler] = {
    "Cast": cast,
    "CastLike": cast_like,
    "Where": where,
}
