"""Static INT8 for ONNX: ranges from calibration, then weights and activations in 8 bits between Q/DQ pairs."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from edgebuild.compress.onnx_nodes import inputs_of
from edgebuild.compress.quantize.calibration import feeds
from edgebuild.compress.quantize.onnx_interface import refuse_unchanged, save_checked
from edgebuild.compress.quantize.ranges import read_ranges, write_ranges
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import words_of

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto
    from onnxruntime.quantization import CalibrationDataReader

BY = "onnxruntime.quantization"
CHUNK = 32
"""Samples whose intermediate values a histogram holds at once."""
TAKEN = ("_scale", "_zero_point", "_quantized")
"""Ends of the names that the quantizer gives to what it adds."""
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators with weights that ONNX Runtime's quantizer has a Q/DQ form for."""

Method = Literal["minmax", "percentile", "entropy"]


class CalibrateRanges(Step):
    """Lowest and highest value of every activation over the calibration samples.

    One step for all ways to quantize: candidates that differ in what they leave out share it. Writes
    `{"method", "samples", "ranges": {tensor: [low, high]}}`, each bound with 12 significant bits.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "ranges.json"
    portable: ClassVar[bool] = False

    model: Artifact
    calibration: Artifact
    """A sample folder."""
    method: Method = "minmax"
    """`percentile` keeps 99.99 % of the values; `entropy` the range with the least Kullback-Leibler divergence."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: ONNX Runtime's calibrator declines the model."""
        calibrate_ranges(work.path(self.model), work.path(self.calibration) / "inputs.npz", work.output, self.method)


def calibrate_ranges(model: Path, inputs: Path, output: Path, method: str) -> None:
    """The work itself, over paths and values."""
    from onnxruntime.quantization import CalibrationMethod
    from onnxruntime.quantization.calibrate import create_calibrator

    kinds = {
        "minmax": (CalibrationMethod.MinMax, {}),
        # 128 bins, the default, are as many as the quantized ones: entropy then changes nothing.
        "entropy": (CalibrationMethod.Entropy, {"num_bins": 2048, "num_quantized_bins": 128}),
        "percentile": (CalibrationMethod.Percentile, {"num_bins": 2048, "percentile": 99.99, "symmetric": False}),
    }
    kind, options = kinds[method]
    given = feeds(inputs_of(model), inputs, BY)
    with tempfile.TemporaryDirectory() as folder, words_of(BY):
        # The calibrator writes beside the model it reads.
        copy = Path(folder, "model.onnx")
        shutil.copy(model, copy)
        calibrator = create_calibrator(
            copy, quantizable(), str(Path(folder, "augmented.onnx")), kind, extra_options=options
        )
        step = len(given) if method == "minmax" else CHUNK
        for start in range(0, len(given), step):
            calibrator.collect_data(reader(given[start : start + step]))
        found = calibrator.compute_data()
        bounds = {name: found[name].range_value for name in found}
        # The calibrator answers with arrays, of no axis or of one with a single element.
        ranges = {name: (float(low.reshape(-1)[0]), float(high.reshape(-1)[0])) for name, (low, high) in bounds.items()}
    write_ranges(output, method, len(given), ranges)


def quantizable() -> list[str]:
    """Operators that ONNX Runtime knows in an integer form."""
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    return sorted({*QDQRegistry, *QLinearOpsRegistry})


def reader(given: list[dict[str, np.ndarray]]) -> CalibrationDataReader:
    """The feeds as the calibrator asks for them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = iter(given)

        def get_next(self) -> dict[str, Any] | None:
            return next(self.rest, None)

    return Reader()


class QuantizeStatic(Step):
    """Weights and activations in 8 bits, with quantize/dequantize pairs that runtimes fuse into integer kernels.

    Given:   x → Conv(w, b) → Relu → y
    Result:  x → Q → DQ → Conv(DQ(w8), DQ(b32)) → Relu → Q → DQ → y

    Inputs and outputs stay as they are. Unsigned activations with signed weights are what ONNX Runtime's x86 and Arm
    kernels are written for; per tensor instead of per channel loses several dB (arXiv:1806.08342, section 3.1).

    For a runtime that wants values around 0, `symmetric` and `weighted_only` without `quantize_bias`:

    Result:  x → Q → DQ → Conv(DQ(w8), b) → Relu → y
    """

    version: ClassVar[int] = 3
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False

    model: Artifact
    ranges: Artifact
    """Of `CalibrateRanges`, of the same model."""
    activations: Literal["uint8", "int8"] = "uint8"
    per_channel: bool = True
    reduce_range: bool = False
    """Weights of 7 bits."""
    symmetric: bool = False
    """Every range is widened to one around 0, so that every zero point is 0; for signed activations."""
    quantize_bias: bool = True
    """Biases in 32-bit integers; in floating point where not."""
    weighted_only: bool = False
    """Quantize what goes into convolutions and products with stored weights, and nothing else."""
    exclude: tuple[str, ...] = ()
    """Names of nodes that stay in floating point."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: ONNX Runtime's quantizer declines the model, or finds nothing to quantize."""
        quantize_static(
            work.path(self.model),
            read_ranges(work.path(self.ranges)),
            work.output,
            activations=self.activations,
            per_channel=self.per_channel,
            reduce_range=self.reduce_range,
            symmetric=self.symmetric,
            quantize_bias=self.quantize_bias,
            weighted_only=self.weighted_only,
            exclude=self.exclude,
        )


def quantize_static(  # noqa: PLR0913 - each is a field of the step
    model: Path,
    ranges: dict[str, tuple[float, float]],
    output: Path,
    *,
    activations: str = "uint8",
    per_channel: bool = True,
    reduce_range: bool = False,
    symmetric: bool = False,
    quantize_bias: bool = True,
    weighted_only: bool = False,
    exclude: tuple[str, ...] = (),
) -> None:
    """The work itself, over paths and values."""
    import numpy as np
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorData, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    before = onnx.load(model)
    known = {name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in ranges.items()}
    with words_of(BY):
        quantizer = QDQQuantizer(
            onnx.shape_inference.infer_shapes(distinguished(onnx.load(model))),
            per_channel,
            reduce_range,
            QuantType.QInt8,
            QuantType.QUInt8 if activations == "uint8" else QuantType.QInt8,
            TensorsData(CalibrationMethod.MinMax, known),
            [],
            list(exclude),
            list(WEIGHTED) if weighted_only else quantizable(),
            ways(symmetric, quantize_bias, weighted_only),
        )
        after = quantizer.quantize_model()
        quantizer.model.topological_sort()
    refuse_unchanged(before, after, ("QuantizeLinear",), BY)
    save_checked(before, after, output, BY)


def distinguished(model: ModelProto) -> ModelProto:
    """The model with other names for some shared weights, whose copies the quantizer would call like other values.

    Of a bias `b` that two operators read it makes a copy `b1` for one of them, whether or not a layer's output has that
    name already; the operator then reads the output. The scale of `w` it calls `w_scale`, which a model may have, too.
    """
    graph = model.graph
    values = {name for node in graph.node for name in node.output} | {item.name for item in graph.input}
    readers = Counter(name for node in graph.node for name in set(node.input))
    for tensor in graph.initializer:
        copies = (name.removeprefix(tensor.name) for name in values if name.startswith(tensor.name))
        copied = readers[tensor.name] > 1 and any(map(str.isdigit, copies))
        old = tensor.name
        if not copied and not old.endswith(TAKEN):
            continue
        while tensor.name == old or any(name.startswith(tensor.name) for name in values):
            tensor.name += "_own"
        for node in graph.node:
            node.input[:] = [tensor.name if name == old else name for name in node.input]
    return model


def ways(symmetric: bool, quantize_bias: bool, weighted_only: bool) -> dict[str, Any]:
    """Options of ONNX Runtime's quantizer that differ from its own."""
    found: dict[str, Any] = {}
    if symmetric:
        found |= {"ActivationSymmetric": True, "WeightSymmetric": True}
    if not quantize_bias:
        found["QuantizeBias"] = False
    if weighted_only:
        found |= {"OpTypesToExcludeOutputQuantization": list(WEIGHTED), "MatMulConstBOnly": True}
    return found
