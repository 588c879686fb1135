"""Keras and SavedModel → ONNX, by tf2onnx."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.step import Workspace
from edgebuild.errors import Refused, words_of
from edgebuild.models.convert.base import FoldingConversion
from edgebuild.models.convert.numbered import numbered_nodes
from edgebuild.models.convert.onnx_names import rename_interface
from edgebuild.models.convert.traced import quiet, traceable
from edgebuild.models.inspect.constants import Value
from edgebuild.models.inspect.facts import Axes
from edgebuild.models.tidy.canonical import canonical

OPSET = 17
"""The first with LayerNormalization; all that ONNX Runtime's quantizers know is in it."""
BY = "tf2onnx"


class TensorflowToOnnx(FoldingConversion):
    """Trace the model at fixed sizes and convert the trace."""

    version: ClassVar[int] = 4
    tools: ClassVar[tuple[str, ...]] = ("tensorflow", "keras", "tf2onnx", "onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "model.onnx"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: Keras, TensorFlow or tf2onnx declines the model."""
        tensorflow_to_onnx(work.path(self.model), self.format, work.output, self.shapes, self.dims, self.constants)


def tensorflow_to_onnx(
    model: Path,
    form: str,
    output: Path,
    shapes: Mapping[str, int],
    dims: Axes,
    constants: Mapping[str, Value] | None = None,
) -> None:
    """The work itself, over paths and values."""
    quiet()
    import onnx
    import tensorflow as tf
    import tf2onnx

    opened = traceable(model, form).folded(constants or {}, shapes, dims)
    specs = opened.specs(shapes, dims)
    with words_of(BY), numbered_nodes():
        function = tf.function(opened.call, input_signature=specs)
        converted, _ = tf2onnx.convert.from_function(
            function, input_signature=specs, opset=OPSET, custom_op_handlers={"Erfc": (erfc, [])}
        )
    refuse_foreign(converted)
    rename_interface(converted, opened.inputs, opened.outputs, BY)
    for item, spec in zip(converted.graph.input, specs, strict=True):
        if list(spec.shape) == [axis.dim_value or None for axis in item.type.tensor_type.shape.dim]:
            continue
        for axis, size in zip(item.type.tensor_type.shape.dim, spec.shape, strict=False):
            if size is not None:
                axis.dim_value = size
    canonical(converted)
    onnx.save(converted, output)


def erfc(context: Any, node: Any, name: str, args: Any) -> None:  # noqa: ARG001 - tf2onnx's signature
    """1 - Erf. tf2onnx has no handler and passes `Erfc` on, which no ONNX runtime knows (Keras writes it for GELU)."""
    import numpy as np
    from tf2onnx.utils import make_name

    dtype = context.get_dtype(node.output[0])
    shape = context.get_shape(node.output[0])
    value, outputs = node.input[0], list(node.output)
    one = context.make_const(make_name("one"), np.array(1, np.float32)).output[0]
    context.remove_node(node.name)
    erf = context.make_node("Erf", [value], name=make_name("erf"), dtypes=[dtype], shapes=[shape])
    context.make_node(
        "Sub", [one, erf.output[0]], name=make_name("erfc"), outputs=outputs, dtypes=[dtype], shapes=[shape]
    )


def refuse_foreign(model: Any) -> None:
    """tf2onnx passes an operator it does not know on under its TensorFlow name.

    Raises:
        Refused: the graph holds operators that are not ONNX's; names them.
    """
    import onnx

    versions = {item.domain: item.version for item in model.opset_import}
    foreign = sorted(
        {
            node.op_type
            for node in model.graph.node
            if not onnx.defs.has(
                node.op_type, max_inclusive_version=versions.get(node.domain, OPSET), domain=node.domain
            )
        }
    )
    if foreign:
        raise Refused(
            by=BY,
            why=f"it has no ONNX form for {', '.join(foreign)}.",
            fix="Express that layer in other operations, or bring an ONNX model as `source:`.",
        )
