"""Operator → handler, of all groups together."""

from __future__ import annotations

from edgebuild.models.convert.onnx_to_mil import (
    activation,
    control,
    conv,
    elementwise,
    indexing,
    matmul,
    norm,
    padding,
    pool,
    quantized,
    recurrent,
    reduce,
    resize,
    shape,
)
from edgebuild.models.convert.onnx_to_mil.context import Handler

GROUPS = {
    "element by element": elementwise.HANDLERS,
    "activations": activation.HANDLERS,
    "convolutions": conv.HANDLERS,
    "pools": pool.HANDLERS,
    "products of matrices": matmul.HANDLERS,
    "form": {**shape.HANDLERS, **padding.HANDLERS},
    "indices": indexing.HANDLERS,
    "reductions": reduce.HANDLERS,
    "normalisations": norm.HANDLERS,
    "resizing": resize.HANDLERS,
    "recurrent networks": recurrent.HANDLERS,
    "quantization": quantized.HANDLERS,
    "control flow and sequences": control.HANDLERS,
}
"""By the words of COVERAGE.md."""

HANDLERS: dict[str, Handler] = {name: handler for group in GROUPS.values() for name, handler in group.items()}
