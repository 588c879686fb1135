"""Integers at the ends of a quantized TFLite model, so that a product hands over what its sensor gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from edgebuild.compress.quantize.tflite_graph import clean, with_signature
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of
from edgebuild.models.tidy.tflite_file import operator_code, read, row_code, tensor_types, write

BY = "edgebuild"
EndType = Literal["int8", "uint8", "int16"]
SHIFT = 128
"""Between the zero points of int8 and uint8 for the same values."""


class ChangeEnds(Step):
    """Take inputs and give outputs as integers; names and meaning stay, each has the scale of what it stands for.

    Given:          x float32 → QUANTIZE → … → DEQUANTIZE → y float32
    Result, int8:   x int8 → … → y int8
    Result, uint8:  x uint8 → QUANTIZE → … → QUANTIZE → y uint8
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "model.tflite"

    model: Artifact
    ends: EndType

    def run(self, work: Workspace) -> None:
        """Raises: Refused: an end is not what such integers could stand for."""
        change_ends(work.path(self.model), self.ends, work.output)


def change_ends(model: Path, ends: str, output: Path) -> None:
    """The work itself, over paths and values."""
    with words_of("ai-edge-litert"):
        made = with_ends(model.read_bytes(), ends)
    output.write_bytes(made)


def with_ends(content: bytes, ends: str) -> bytes:
    """The same, over the file's content.

    Raises:
        Refused: an input or output is used in floating point, or inside the model has other integers.
    """
    model = read(with_signature(content))
    graph = _Graph(model)
    moved = {int(index): graph.change(int(index), ends, taken=True) for index in graph.main.inputs}
    moved |= {int(index): graph.change(int(index), ends, taken=False) for index in graph.main.outputs}
    graph.main.inputs = [moved[int(index)] for index in graph.main.inputs]
    graph.main.outputs = [moved[int(index)] for index in graph.main.outputs]
    for signature in model.signatureDefs:
        if signature.subgraphIndex == 0:
            for entry in (*signature.inputs, *signature.outputs):
                entry.tensorIndex = moved.get(int(entry.tensorIndex), entry.tensorIndex)
    return write(model)


class _Graph:
    """The main graph of a model, under change."""

    def __init__(self, model: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema, self.model, self.main = schema, model, model.subgraphs[0]
        self.types = tensor_types()

    def change(self, index: int, ends: str, taken: bool) -> int:
        """Make one end an integer; returns the tensor that is the end now.

        Args:
            index: of the tensor.
            ends: wanted type.
            taken: an input; else an output.
        """
        tensor = self.main.tensors[index]
        kind = self.types[tensor.type]
        if kind != "FLOAT32":
            if kind == ends.upper() or not _quantized(tensor):
                return index
            raise refused(tensor, taken, f"is {kind.lower()} already, and `io: {ends}` wants another type")
        border = self.border(index, taken)
        if border is None:
            raise refused(tensor, taken, "is used in floating point inside the model")
        inner = int((border.outputs if taken else border.inputs)[0])
        inside = self.main.tensors[inner]
        found = self.types[inside.type].lower()
        if found == ends:
            self.main.operators.remove(border)
            tensor.name, inside.name = tensor.name + b"_real", tensor.name
            return inner
        if (found, ends) != ("int8", "uint8"):
            raise refused(tensor, taken, f"stands for {found} inside the model, which {ends} cannot stand for")
        self.shift(tensor, inside)
        if not taken:
            self.requantize(border)
        return index

    def border(self, index: int, taken: bool) -> Any | None:
        """The one operator between an end and the integers inside; None where something else is there."""
        name = "QUANTIZE" if taken else "DEQUANTIZE"
        sides = [(op, op.inputs if taken else op.outputs) for op in self.main.operators]
        found = [op for op, side in sides if index in [int(item) for item in side]]
        code = getattr(self.schema.BuiltinOperator, name)
        right = [op for op in found if operator_code(self.model, op) == code]
        # An output that is read inside the model too is more than an end.
        inner = [op for op in self.main.operators if not taken and index in [int(item) for item in op.inputs]]
        return right[0] if len(found) == len(right) == 1 and not inner else None

    def shift(self, tensor: Any, inside: Any) -> None:
        """Make a tensor the uint8 twin of an int8 one."""
        tensor.type = self.schema.TensorType.UINT8
        tensor.quantization = self.schema.QuantizationParametersT()
        tensor.quantization.scale = list(inside.quantization.scale)
        tensor.quantization.zeroPoint = [int(zero) + SHIFT for zero in inside.quantization.zeroPoint]

    def requantize(self, op: Any) -> None:
        """Turn a DEQUANTIZE into a QUANTIZE, which also goes from integers to integers."""
        code = self.schema.BuiltinOperator.QUANTIZE
        known = [index for index, row in enumerate(self.model.operatorCodes) if row_code(row) == code]
        if not known:
            entry = self.schema.OperatorCodeT()
            entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, code, 1
            self.model.operatorCodes.append(entry)
            known = [len(self.model.operatorCodes) - 1]
        op.opcodeIndex = known[0]
        op.builtinOptionsType = self.schema.BuiltinOptions.QuantizeOptions
        op.builtinOptions = self.schema.QuantizeOptionsT()


def _quantized(tensor: Any) -> bool:
    about = tensor.quantization
    return about is not None and about.scale is not None and len(about.scale) > 0


def refused(tensor: Any, taken: bool, why: str) -> Refused:
    """Why an end stays what it is."""
    side = "input" if taken else "output"
    fix = "Quantize weights and activations (`quantize: int8`), or remove `io` from the target."
    return Refused(by=BY, why=f"its {side} `{clean(tensor.name)}` {why}.", fix=fix, kind="not applicable")
