"""Operator → handler, of all groups together."""

from __future__ import annotations

from edgebuild.models.convert.onnx_to_mil import (
    activation,
    binary,
    broadcasting,
    casting,
    control,
    conv,
    depth,
    elementwise,
    indexing,
    integer,
    matmul,
    norm,
    ordering,
    padding,
    pool,
    quantized,
    recurrent,
    reduce,
    resize,
    shape,
    slicing,
)
from edgebuild.models.convert.onnx_to_mil.context import Handler

GROUPS = {
    "element by element": {**elementwise.HANDLERS, **binary.HANDLERS, **casting.HANDLERS},
    "activations": activation.HANDLERS,
    "convolutions": conv.HANDLERS,
    "pools": pool.HANDLERS,
    "products of matrices": matmul.HANDLERS,
    "form": {**shape.HANDLERS, **slicing.HANDLERS, **broadcasting.HANDLERS, **depth.HANDLERS, **padding.HANDLERS},
    "indices and order": {**indexing.HANDLERS, **ordering.HANDLERS},
    "reductions": reduce.HANDLERS,
    "normalisations": norm.HANDLERS,
    "resizing": resize.HANDLERS,
    "recurrent networks": recurrent.HANDLERS,
    "quantization": {**quantized.HANDLERS, **integer.HANDLERS},
    "control flow and sequences": control.HANDLERS,
}
"""By the words of COVERAGE.md."""

HANDLERS: dict[str, Handler] = {name: handler for group in GROUPS.values() for name, handler in group.items()}
