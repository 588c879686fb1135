"""Quantization of TFLite models by ai-edge-quantizer; inputs and outputs keep their names and types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.compress.quantize.tflite_calibrate import calibrate_tflite
from edgebuild.compress.quantize.tflite_graph import operand_kinds, with_signature
from edgebuild.compress.quantize.tflite_outputs import read_as_integers
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of

if TYPE_CHECKING:
    import numpy as np

BY = "ai-edge-quantizer"
TOOLS = ("ai-edge-quantizer", "ai-edge-litert", "numpy")

Method = Literal["minmax", "average"]


class CalibrateTflite(Step):
    """Lowest and highest value of every activation over the calibration samples.

    Writes `{"method", "samples", "ranges": {tensor: [low, high]}}`, each bound with 12 significant bits.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "ranges.json"
    portable: ClassVar[bool] = False

    model: Artifact
    calibration: Artifact
    """A sample folder."""
    method: Method = "average"
    """`minmax` over all samples, or the `average` of each sample's own, which one odd sample does not stretch."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: LiteRT declines the model."""
        calibrate_tflite(work.path(self.model), work.path(self.calibration) / "inputs.npz", work.output, self.method)


class QuantizeTfliteStatic(Step):
    """Weights and activations in 8 bits; a quantize operator after each input, a dequantize before each output.

    Given:   x → CONV_2D(w, b) → y
    Result:  x → QUANTIZE → CONV_2D(w8, b32) → DEQUANTIZE → y
    """

    version: ClassVar[int] = 3
    tools: ClassVar[tuple[str, ...]] = TOOLS
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "model.tflite"
    portable: ClassVar[bool] = False

    model: Artifact
    ranges: Artifact
    """Of `CalibrateTflite`, of the same model."""
    per_channel: bool = True

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the quantizer declines the model, or left it in floating point."""
        quantize_tflite_static(
            work.path(self.model), read_ranges(work.path(self.ranges)), work.output, self.per_channel
        )


def quantize_tflite_static(
    model: Path, ranges: dict[str, tuple[float, float]], output: Path, per_channel: bool = True
) -> None:
    """The work itself, over paths and values."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    everything = qtyping.TFLOperationName.ALL_SUPPORTED

    def recipe(quantizer: Any) -> None:
        quantizer.add_static_config(".*", everything, 8, 8, granularity(per_channel))
        for side in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
            quantizer.update_quantization_recipe(".*", side, None, AlgorithmName.NO_QUANTIZE)

    quantize(model, output, recipe, "integer", lambda content: measured(content, ranges))


class QuantizeTfliteDynamic(Step):
    """Store weights in 8 bits; kernels quantize activations at run time. Needs no calibration data."""

    version: ClassVar[int] = 3
    tools: ClassVar[tuple[str, ...]] = TOOLS
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "model.tflite"
    portable: ClassVar[bool] = False

    model: Artifact
    per_channel: bool = True

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the quantizer declines the model, or left it in floating point."""
        quantize_tflite_dynamic(work.path(self.model), work.output, self.per_channel)


def quantize_tflite_dynamic(model: Path, output: Path, per_channel: bool = True) -> None:
    """The work itself, over paths and values."""
    from ai_edge_quantizer import qtyping

    everything = qtyping.TFLOperationName.ALL_SUPPORTED

    def recipe(quantizer: Any) -> None:
        quantizer.add_dynamic_config(".*", everything, 8, granularity(per_channel))

    quantize(model, output, recipe, "dynamic")


class QuantizeTfliteWeights(Step):
    """Store weights in 8 bits or in float16; they are turned to float32 before use. Needs no calibration data."""

    version: ClassVar[int] = 3
    tools: ClassVar[tuple[str, ...]] = TOOLS
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "model.tflite"
    portable: ClassVar[bool] = False

    model: Artifact
    weights: Literal["int8", "float16"]
    per_channel: bool = True

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the quantizer declines the model, or changed nothing."""
        quantize_tflite_weights(work.path(self.model), work.output, self.weights, self.per_channel)


def quantize_tflite_weights(model: Path, output: Path, weights: str, per_channel: bool = True) -> None:
    """The work itself, over paths and values."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    everything = qtyping.TFLOperationName.ALL_SUPPORTED
    half = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )

    def recipe(quantizer: Any) -> None:
        if weights == "float16":
            quantizer.update_quantization_recipe(".*", everything, half, AlgorithmName.FLOAT_CASTING)
        else:
            quantizer.add_weight_only_config(".*", everything, 8, granularity(per_channel))

    quantize(model, output, recipe, "stored")


def quantize(
    model: Path,
    output: Path,
    recipe: Callable[[Any], object],
    wanted: str,
    calibration: Callable[[bytes], Any] | None = None,
) -> None:
    """Quantize by a recipe and check that it happened.

    Args:
        model: float TFLite.
        output: where the quantized one goes.
        recipe: tells the quantizer what to do.
        wanted: the kind of operand (see `operand_kinds`) of which the result must have some.
        calibration: the quantizer's statistics for the model's content.

    Raises:
        Refused: the quantizer declines the model, or it has nothing that could be quantized.
    """
    from ai_edge_quantizer.quantizer import Quantizer

    content = with_signature(model.read_bytes())
    before = operand_kinds(content)
    if before["integer"] or before["dynamic"]:
        raise Refused(
            by=BY, why="the model is quantized already.", fix="Start from its float form.", kind="not applicable"
        )
    with words_of(BY):
        quantizer = Quantizer(content)
        recipe(quantizer)
        result = quantizer.quantize(calibration(content) if calibration else None)
        after = read_as_integers(bytes(result.quantized_model))
    if operand_kinds(after)[wanted] <= before[wanted]:
        raise Refused(by=BY, why="it quantized nothing: none of the model's operators has such a form.")
    output.write_bytes(after)


def granularity(per_channel: bool) -> Any:
    """The quantizer's name for it."""
    from ai_edge_quantizer.qtyping import QuantGranularity

    return QuantGranularity.CHANNELWISE if per_channel else QuantGranularity.TENSORWISE


def measured(content: bytes, ranges: dict[str, tuple[float, float]]) -> dict[str, dict[str, np.ndarray]]:
    """The ranges in the quantizer's form: arrays of one element with the tensor's number of axes."""
    import numpy as np

    from edgebuild.compress.quantize.tflite_graph import ranks

    axes = ranks(content)

    def one(name: str, bound: float) -> np.ndarray:
        return np.full((1,) * axes.get(name, 0), bound, np.float32)

    return {name: {"min": one(name, low), "max": one(name, high)} for name, (low, high) in ranges.items()}
