"""Run an ONNX model as a TensorRT engine on a GPU, or the same graph on the processor with ONNX Runtime.

Travels to devices: standard library, numpy and the runtime alone. Which of the two runs is told, never guessed: the
option `execute` is part of every key.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]

ENGINE, PROCESSOR = "tensorrt", "onnxruntime"
OPTIONS = {"execute", "threads", "workspace", "builder_optimization_level", "tf32", "gpu"}

DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool",
    **{f"tensor({kind}{bits})": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}  # fmt: skip


def versions() -> dict[str, str]:
    """Distributions that decide what a session computes: those of the runtime that was opened, if one was."""
    loaded = {name: str(sys.modules[name].__version__) for name in (ENGINE, PROCESSOR) if name in sys.modules}
    return {**(loaded or {ENGINE: "not loaded"}), "numpy": np.__version__}


def open(path: str, options: dict[str, Any]) -> Any:  # noqa: A001 - the contract's name
    """Load a model.

    Args:
        path: of the `.onnx` file.
        options: `execute` (`tensorrt` or `onnxruntime`), `threads` (of ONNX Runtime). For TensorRT also `workspace`
            (bytes), `builder_optimization_level` (0 to 5), `tf32` and `gpu`: which one the numbers are of; its
            `visible` is for CUDA_VISIBLE_DEVICES.

    Raises:
        ValueError: an option is unknown or has no such value.
        RuntimeError: TensorRT declines the model, in its words; or there is no GPU.
    """
    unknown = set(options) - OPTIONS
    if unknown:
        raise ValueError(f"unknown session options: {', '.join(sorted(unknown))}")
    execute = options.get("execute", PROCESSOR)
    if execute == ENGINE:
        from edgebuild.runtimes.tensorrt.session_engine import EngineSession

        return EngineSession(path, options)
    if execute == PROCESSOR:
        return ProcessorSession(path, int(options.get("threads", 1)))
    raise ValueError(f"`execute` must be {ENGINE} or {PROCESSOR}, got {execute!r}")


class ProcessorSession:
    """The same graph with ONNX Runtime's kernels: what a TensorRT engine computes up to rounding, not how fast."""

    def __init__(self, path: str, threads: int) -> None:
        import onnxruntime as ort

        chosen = ort.SessionOptions()
        chosen.intra_op_num_threads, chosen.inter_op_num_threads = threads, 1
        chosen.log_severity_level = 4
        chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(path, chosen, providers=["CPUExecutionProvider"])
        self.inputs = [_tensor(item) for item in self._session.get_inputs()]
        self.outputs = [_tensor(item) for item in self._session.get_outputs()]
        self._names = [item["name"] for item in self.outputs]

    def run(self, feed: Arrays) -> Arrays:
        """Outputs by name."""
        return dict(zip(self._names, self._session.run(self._names, feed), strict=True))


def _tensor(item: Any) -> dict[str, Any]:
    """An input or output as plain data; a dynamic axis has its name, -1 without one."""
    shape = [-1 if size is None else size for size in item.shape]
    return {"name": item.name, "shape": shape, "dtype": DTYPES.get(item.type, item.type)}
