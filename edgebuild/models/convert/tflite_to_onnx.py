"""TFLite → ONNX, by tf2onnx."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from edgebuild.core.step import Workspace
from edgebuild.errors import words_of
from edgebuild.models.convert.base import Conversion
from edgebuild.models.convert.numbered import numbered_nodes
from edgebuild.models.convert.onnx_names import rename_interface
from edgebuild.models.convert.tensorflow_to_onnx import OPSET, refuse_foreign
from edgebuild.models.convert.traced import quiet
from edgebuild.models.inspect.tflite_facts import tflite_facts
from edgebuild.models.tidy.canonical import canonical
from edgebuild.models.tidy.tflite_file import read, write

BY = "tf2onnx"
LAST_OLD_CODE = 127
"""Says that the code stands in the new field alone."""


class TfliteToOnnx(Conversion):
    """Operator by operator; quantized operators become float ones between QuantizeLinear and DequantizeLinear."""

    version: ClassVar[int] = 5
    tools: ClassVar[tuple[str, ...]] = ("tf2onnx", "tensorflow", "ai-edge-litert", "onnx", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("tensorflow",)
    filename: ClassVar[str] = "model.onnx"

    def run(self, work: Workspace) -> None:
        """Raises: Refused: tf2onnx declines the model."""
        tflite_to_onnx(work.path(self.model), work.output)


def tflite_to_onnx(model: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    quiet()
    import onnx
    import tf2onnx

    facts = tflite_facts(model, {})
    with TemporaryDirectory() as folder, words_of(BY), numbered_nodes():
        file = with_old_codes(model, Path(folder) / "model.tflite")
        converted, _ = tf2onnx.convert.from_tflite(str(file), opset=OPSET, custom_op_handlers={"TFL_GELU": (gelu, [])})
    refuse_foreign(converted)
    rename_interface(converted, [item.name for item in facts.inputs], [item.name for item in facts.outputs], BY)
    canonical(converted)
    onnx.save(converted, output)


def with_old_codes(model: Path, copy: Path) -> Path:
    """The model, or a copy whose operators are also told by the field of old readers, where it lacks that.

    ai-edge-quantizer leaves the field at 0 for the DEQUANTIZE it inserts, and tf2onnx takes that for ADD. Source:
    `OperatorCode` of the TFLite schema, whose old field is the smaller of the code and 127.
    """
    opened = read(model.read_bytes())
    wrong = [code for code in opened.operatorCodes or () if code.deprecatedBuiltinCode == 0 and code.builtinCode != 0]
    if not wrong:
        return model
    for code in wrong:
        code.deprecatedBuiltinCode = min(code.builtinCode, LAST_OLD_CODE)
    copy.write_bytes(write(opened))
    return copy


def gelu(context: Any, node: Any, name: str, args: Any) -> None:  # noqa: ARG001 - tf2onnx's signature
    """x·(1 + Erf(x/√2))/2, or with Tanh(√(2/π)·(x + 0.044715·x³)) in the place of Erf where the file asks for that.

    tf2onnx has no handler. Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
    """
    import math

    import numpy as np
    from tf2onnx.utils import make_name

    value, outputs = node.input[0], list(node.output)
    about = {"dtypes": [context.get_dtype(outputs[0])], "shapes": [context.get_shape(outputs[0])]}
    approximate = "approximate" in node.attr and bool(node.get_attr_value("approximate"))

    def made(kind: str, *given: str | float, **last: Any) -> str:
        names = [
            item if isinstance(item, str) else context.make_const(make_name("c"), np.array(item, np.float32)).output[0]
            for item in given
        ]
        result: str = context.make_node(kind, names, name=make_name(f"gelu_{kind}"), **about, **last).output[0]
        return result

    context.remove_node(node.name)
    if approximate:
        cube = made("Mul", made("Mul", value, value), made("Mul", value, 0.044715))
        inner = made("Tanh", made("Mul", made("Add", value, cube), math.sqrt(2 / math.pi)))
    else:
        inner = made("Erf", made("Mul", value, math.sqrt(0.5)))
    made("Mul", made("Mul", value, 0.5), made("Add", inner, 1.0), outputs=outputs)
