"""Other tools' INT8 models of the same network from the same calibration samples; run by the tool's own Python."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def nncf_models(model: str, samples: str, output: str) -> None:
    """NNCF as it comes, and tuned as it does best for ONNX Runtime on this class of processor: `nncf*.onnx`.

    Tuned: ranges by minimum and maximum, no bias correction, no fix for processors without VNNI.
    """
    import nncf
    import onnx
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    with np.load(samples) as archive:
        arrays = {name: archive[name] for name in archive.files}
    count = len(next(iter(arrays.values())))
    rows = [{name: array[row : row + 1] for name, array in arrays.items()} for row in range(count)]
    data = nncf.Dataset(rows)
    tuned = AdvancedQuantizationParameters(
        overflow_fix=OverflowFix.DISABLE,
        disable_bias_correction=True,
        activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX,
    )
    for name, options in (("nncf", {}), ("nncf-tuned", {"advanced_parameters": tuned})):
        made = nncf.quantize(onnx.load(model), data, subset_size=count, **options)
        onnx.save(made, Path(output, f"{name}.onnx"))


def ort_model(model: str, samples: str, output: str) -> None:
    """ONNX Runtime's quantizer as it comes, signs apart, per tensor: `ort-default.onnx`."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with np.load(samples) as archive:
        arrays = {name: archive[name] for name in archive.files}

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        rows = iter(range(len(next(iter(arrays.values())))))

        def get_next(self) -> dict[str, np.ndarray] | None:
            row = next(self.rows, None)
            return None if row is None else {name: array[row : row + 1] for name, array in arrays.items()}

    prepared = str(Path(output, "prepared.onnx"))
    quant_pre_process(model, prepared)
    made = str(Path(output, "ort-default.onnx"))
    quantize_static(prepared, made, Reader(), activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)


if __name__ == "__main__":
    {"nncf": nncf_models, "ort": ort_model}[sys.argv[1]](*sys.argv[2:])
