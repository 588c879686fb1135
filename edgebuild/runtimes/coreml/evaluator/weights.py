"""Constants of a program, compressed ones restored by coremltools' own arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np


def constant(var: Any) -> Any:
    """What a MIL variable holds before anything runs, None where that is known only at run time.

    Returns:
        An array or numpy scalar, float16 as float32; a string or list as it is.
    """
    if var.op is None:
        return None
    if var.op.op_type.startswith("constexpr_"):
        return plain(restored(var.op)[var.op.outputs.index(var)])
    value = var.val
    return None if value is None else plain(value)


def restored(op: Any) -> tuple[Any, ...]:
    """The outputs of a `constexpr_` operator.

    Its inputs may be such operators themselves (pruned and quantized, palettes with quantized entries); coremltools
    follows only some of these chains, so they are resolved here first and its `decompress` gets plain arrays.
    """
    found = [*getattr(op, "outputs", ())]
    chained = {name: var for name, var in op.inputs.items() if var is not None and _restorable(var)}
    if not chained:
        value = op.materialized_val_inference()
        return value if len(found) > 1 else (value,)
    value = _decompress(op, {name: _raw(var) for name, var in op.inputs.items()})
    return value if len(found) > 1 else (value,)


def plain(value: Any) -> Any:
    """A constant as the evaluator computes with it."""
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype == np.float16:
        return value.astype(np.float32)
    return value


def _restorable(var: Any) -> bool:
    return var.op is not None and str(var.op.op_type).startswith("constexpr_")


def _raw(var: Any) -> Any:
    if var is None:
        return None
    if _restorable(var):
        return restored(var.op)[var.op.outputs.index(var)]
    return var.val


ARGUMENTS = {
    "constexpr_blockwise_shift_scale": ("data", "scale", "offset"),
    "constexpr_lut_to_dense": ("indices", "lut", "vector_axis"),
    "constexpr_lut_to_sparse": ("indices_mask", "indices_nonzero_data", "lut", "vector_axis"),
    "constexpr_sparse_blockwise_shift_scale": ("data_mask", "nonzero_data", "scale", "offset"),
    "constexpr_sparse_to_dense": ("nonzero_data", "mask"),
}
"""Operators that may read each other, and the arguments of their `decompress` (iOS 18) in order."""


def _decompress(op: Any, given: dict[str, Any]) -> Any:
    return type(op).decompress(*(given.get(name) for name in ARGUMENTS[op.op_type]))
