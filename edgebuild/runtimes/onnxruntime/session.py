"""Loads an ONNX model in ONNX Runtime. Travels: numpy and onnxruntime, nothing else.

Options: `threads`; `optimization` (`none`, `basic`, `extended`, `all`); `execution` (`sequential`, `parallel`);
`providers`; `trace` (record operators and write the optimised graph).
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool",
    "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(int16)": "int16", "tensor(uint16)": "uint16",
    "tensor(int32)": "int32", "tensor(uint32)": "uint32", "tensor(int64)": "int64", "tensor(uint64)": "uint64",
    "tensor(string)": "str",
}  # fmt: skip

LEVELS = {
    "none": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def versions() -> dict[str, str]:
    """The runtime's build."""
    return {"onnxruntime": str(ort.__version__)}


def session_options(options: dict[str, Any]) -> ort.SessionOptions:
    """ONNX Runtime's own options from ours."""
    found = ort.SessionOptions()
    found.intra_op_num_threads = int(options.get("threads", 1))
    found.inter_op_num_threads = 1
    parallel = options.get("execution") == "parallel"
    found.execution_mode = ort.ExecutionMode.ORT_PARALLEL if parallel else ort.ExecutionMode.ORT_SEQUENTIAL
    found.graph_optimization_level = LEVELS[options.get("optimization", "all")]
    # Spinning burns a core between runs: on an edge device that is somebody else's core.
    found.add_session_config_entry("session.intra_op.allow_spinning", "0")
    found.add_session_config_entry("session.inter_op.allow_spinning", "0")
    found.log_severity_level = 3
    return found


def open(path: str, options: dict[str, Any]) -> OrtSession:  # noqa: A001 - the name every session module has
    """Load a model; raises what ONNX Runtime raises."""
    return OrtSession(path, options)


def tensor(node: Any) -> dict[str, Any]:
    """Name, shape and numpy type of an input or output."""
    return {"name": node.name, "shape": list(node.shape), "dtype": DTYPES.get(node.type, node.type)}


class OrtSession:
    """A loaded model."""

    def __init__(self, path: str, options: dict[str, Any]) -> None:
        settings = session_options(options)
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        if options.get("trace"):
            self.folder = tempfile.TemporaryDirectory(prefix="trace-")
            settings.enable_profiling = True
            settings.profile_file_prefix = str(Path(self.folder.name, "profile"))
            settings.optimized_model_filepath = str(Path(self.folder.name, "optimized.onnx"))
        providers = options.get("providers") or ["CPUExecutionProvider"]
        self.session = ort.InferenceSession(path, settings, providers=providers)
        self.inputs = [tensor(node) for node in self.session.get_inputs()]
        self.outputs = [tensor(node) for node in self.session.get_outputs()]
        self.names = [node["name"] for node in self.outputs]

    def run(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name."""
        return dict(zip(self.names, self.session.run(self.names, feed), strict=True))

    def trace(self, feed: dict[str, np.ndarray], runs: int) -> dict[str, Any]:
        """Executed operators with their mean time, and the operators of the optimised graph."""
        assert self.folder is not None
        for _ in range(runs):
            self.run(feed)
        profile = Path(self.session.end_profiling())
        rows: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        for event in json.loads(profile.read_text(encoding="utf-8")):
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                given = event["args"]
                name = event["name"].removesuffix("_kernel_time")
                rows[name, given["op_name"], given.get("provider", "")].append(float(event["dur"]))
        graph = Counter(op for _, op, _ in rows)
        # The first run of each operator packs weights; it is no steady state.
        ops = [[*key, float(np.mean(times[1:] or times))] for key, times in rows.items()]
        return {"ops": ops, "graph": dict(graph)}
