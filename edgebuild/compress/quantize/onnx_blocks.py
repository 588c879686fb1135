"""Weights alone in 4 or 8 bits for ONNX: those of matrix products, with a scale for each short row of them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from edgebuild.compress.quantize.onnx_interface import operators, save_checked
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of

BY = "onnxruntime.quantization"
BLOCK = 32
"""Weights that share a scale; the kernels take 16 to 256, and a scale of 32 bits adds one bit to each of 32."""


class QuantizeBlocks(Step):
    """Store the weights of matrix products in few bits, and compute in float32.

    Given:   x → MatMul(w) → y
    Result:  x → MatMulNBits(w4, a scale for each 32 of them) → y

    Needs no calibration data. All other operators stay as they are.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False

    model: Artifact
    bits: Literal[4, 8] = 4

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the model has no product of a matrix with stored weights."""
        quantize_blocks(work.path(self.model), work.output, self.bits)


def quantize_blocks(model: Path, output: Path, bits: int) -> None:
    """The work itself, over paths and values."""
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    before = onnx.load(model)
    stored = {tensor.name: tensor for tensor in before.graph.initializer}
    products = [node for node in before.graph.node if node.op_type == "MatMul" and len(node.input) == 2]
    if not any(node.input[1] in stored and len(stored[node.input[1]].dims) == 2 for node in products):
        has = ", ".join(f"{count} {name}" for name, count in sorted(operators(before).items())) or "none"
        raise Refused(
            by="onnxruntime", why=f"it stores weights of MatMul in {bits} bits, and the model has none (it has {has}).",
            fix="Quantize activations too: `quantize: int8`.", kind="not applicable",
        )  # fmt: skip
    with words_of(BY):
        quantizer = MatMulNBitsQuantizer(onnx.load(model), bits=bits, block_size=BLOCK, is_symmetric=True)
        quantizer.process()
    save_checked(before, quantizer.model.model, output, BY)
