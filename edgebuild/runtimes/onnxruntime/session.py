"""Load and run an ONNX model with ONNX Runtime. Travels to devices: standard library, numpy and the runtime alone."""

from __future__ import annotations

import atexit
import json
import shutil
import statistics
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

Arrays = dict[str, np.ndarray]

OPTIONS = {"threads", "optimization", "execution", "providers", "config"}
LEVELS = {
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "none": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
EXECUTION = {"sequential": ort.ExecutionMode.ORT_SEQUENTIAL, "parallel": ort.ExecutionMode.ORT_PARALLEL}
FATAL = 4
"""Of ONNX Runtime's log levels; what matters it raises."""

DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool",
    "tensor(string)": "object",
    **{f"tensor({kind}{bits})": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}  # fmt: skip


def versions() -> dict[str, str]:
    """Distributions that decide what a session computes."""
    return {"onnxruntime": ort.__version__, "numpy": np.__version__}


def open(path: str, options: dict[str, Any]) -> OnnxRuntimeSession:  # noqa: A001 - the contract's name
    """Load a model.

    Args:
        path: of the `.onnx` file.
        options: `threads` (intra-op), `optimization` (`all extended basic none`), `execution`
            (`sequential parallel`), `providers` (in order: a name, or a list of a name and its options), `config`
            (session configuration entries).

    Raises:
        ValueError: an option has no such value, or this build lacks a provider.
    """
    return OnnxRuntimeSession(path, options)


class OnnxRuntimeSession:
    """A loaded model. Threads do not spin: a waiting thread must not take time from what is measured next."""

    def __init__(self, path: str, options: dict[str, Any]) -> None:
        self.path, self.options = whole(path), options
        self._session = ort.InferenceSession(self.path, session_options(options), providers=providers(options))
        given, made = self._session.get_inputs(), self._session.get_outputs()
        self.inputs, self.outputs = _tensors(given), _tensors(made)
        self._own = {tensor["name"]: item.name for tensor, item in zip(self.inputs, given, strict=True)}
        self._names = [item["name"] for item in self.outputs]
        self._found = [item.name for item in made]

    def run(self, feed: Arrays) -> Arrays:
        """Outputs by name."""
        return dict(zip(self._names, self._session.run(self._found, self.owned(feed)), strict=True))

    def owned(self, feed: Arrays) -> Arrays:
        """A feed by the names of the file itself."""
        return {self._own.get(name, name): array for name, array in feed.items()}

    def trace(self, feed: Arrays, runs: int) -> dict[str, Any]:
        """Operators as executed, by the runtime's own profiler in a second session."""
        with tempfile.TemporaryDirectory(prefix="trace-") as folder:
            chosen = session_options(self.options)
            chosen.enable_profiling = True
            chosen.profile_file_prefix = str(Path(folder, "profile"))
            session = ort.InferenceSession(self.path, chosen, providers=providers(self.options))
            for _ in range(runs + 1):
                session.run(self._found, self.owned(feed))
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        return executed(events, runs)

    def layers(self, feed: Arrays) -> list[dict[str, Any]]:
        """Every real value between the operators, from a copy of the model in which it is an output."""
        from edgebuild.runtimes.onnx_layers import onnx_layers

        def run(copy: bytes, names: list[str]) -> list[Any]:
            session = ort.InferenceSession(copy, session_options(self.options), providers=providers(self.options))
            values: list[Any] = session.run(names, self.owned(feed))
            return values

        return onnx_layers(self.path, set(self._found), run)


def whole(path: str) -> str:
    """The model file; of a folder with its weights the one `.onnx`, in a copy that lives as long as this process.

    ONNX Runtime does not open weights through links, and a store shows files as links.
    """
    if not Path(path).is_dir():
        return path
    copy = tempfile.mkdtemp(prefix="weights-")
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    shutil.copytree(path, copy, copy_function=shutil.copyfile, dirs_exist_ok=True)
    return str(next(Path(copy).glob("*.onnx")))


def session_options(options: dict[str, Any]) -> ort.SessionOptions:
    """Options of ONNX Runtime from plain data.

    Raises:
        ValueError: an option is unknown or has no such value.
    """
    unknown = set(options) - OPTIONS
    if unknown:
        raise ValueError(f"unknown session options: {', '.join(sorted(unknown))}")
    chosen = ort.SessionOptions()
    chosen.intra_op_num_threads = int(options.get("threads", 1))
    chosen.inter_op_num_threads = 1
    chosen.graph_optimization_level = _row(LEVELS, "optimization", options.get("optimization", "all"))
    chosen.execution_mode = _row(EXECUTION, "execution", options.get("execution", "sequential"))
    chosen.log_severity_level = FATAL
    chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
    chosen.add_session_config_entry("session.inter_op.allow_spinning", "0")
    for name, value in options.get("config", {}).items():
        chosen.add_session_config_entry(name, str(value))
    return chosen


Provider = str | tuple[str, dict[str, str]]
CPU = "CPUExecutionProvider"


def providers(options: dict[str, Any]) -> list[Provider]:
    """The providers asked for; ONNX Runtime itself would fall back to the processor without a word.

    Raises:
        ValueError: this build lacks one.
    """
    missing, here = lacking(options)
    if missing:
        raise ValueError(f"this build has no {', '.join(missing)}; it has {', '.join(here)}")
    return wanted(options)


def wanted(options: dict[str, Any]) -> list[Provider]:
    """The same, whether they are there or not."""
    return [item if isinstance(item, str) else (item[0], dict(item[1])) for item in options.get("providers", [CPU])]


def lacking(options: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Names of the providers asked for that this build has not, and of those that it has."""
    here = list(ort.get_available_providers())
    names = [item if isinstance(item, str) else item[0] for item in wanted(options)]
    return [name for name in names if name not in here], here


def on_processor(path: str, options: dict[str, Any]) -> list[str]:
    """Types of the operators that fall to the processor, one for each operator, when the graph is divided.

    Raises:
        RuntimeError: ONNX Runtime is older than 1.24 and cannot say so.
    """
    if not hasattr(ort.InferenceSession, "get_provider_graph_assignment_info"):
        raise RuntimeError(f"ONNX Runtime {ort.__version__} does not tell which provider takes an operator")
    chosen = session_options({**options, "config": {}})
    chosen.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = ort.InferenceSession(whole(path), chosen, providers=providers(options))
    parts = session.get_provider_graph_assignment_info()
    return [node.op_type for part in parts if part.ep_name == CPU for node in part.get_nodes()]


def executed(events: list[dict[str, Any]], runs: int) -> dict[str, Any]:
    """Operators of a profile, the slowest first, how many of each type, and the shapes of what they read and write."""
    kernels: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kernels.setdefault(event["name"].removesuffix("_kernel_time"), []).append(event)
    ops = []
    for name, found in kernels.items():
        about = found[0]["args"]
        ops.append(
            [name, about["op_name"], about.get("provider", ""), round(usual([e["dur"] for e in found], runs), 3)]
        )
    ops.sort(key=lambda op: (-op[3], op[0]))
    shapes = {name: [sizes(found[0]["args"], side) for side in ("input", "output")] for name, found in kernels.items()}
    return {"ops": ops, "graph": dict(sorted(Counter(op[1] for op in ops).items())), "shapes": shapes}


def sizes(about: dict[str, Any], side: str) -> list[list[int]]:
    """Shapes of the tensors on one side of an operator, from `[{"float": [1, 3, 32, 32]}, …]`."""
    return [list(shape) for tensor in about.get(f"{side}_type_shape", ()) for shape in tensor.values()]


def usual(spent: list[float], runs: int) -> float:
    """The median over runs of what an operator takes in one; the first run is left out.

    Not the mean: one run that lost the processor made an addition of 5 us the slowest operator with 630 (seen).
    """
    # An operator inside a loop runs several times in each run, inside a branch perhaps not in every one.
    each = len(spent) // (runs + 1)
    if not each or len(spent) % (runs + 1):
        return sum(spent[each:]) / runs
    return statistics.median(sum(spent[start : start + each]) for start in range(each, len(spent), each))


def _row(table: dict[str, Any], option: str, value: str) -> Any:
    if value not in table:
        raise ValueError(f"`{option}` must be one of {', '.join(table)}, got {value!r}")
    return table[value]


def _tensors(items: list[Any]) -> list[dict[str, Any]]:
    """Inputs or outputs as plain data, without what exporters put around a name; numbered where two would be equal."""
    names = [item.name.removesuffix(":0").removeprefix("serving_default_") for item in items]
    if len(set(names)) != len(names):
        names = [f"{name}_{row}" for row, name in enumerate(names)]
    return [_tensor(name, item) for name, item in zip(names, items, strict=True)]


def _tensor(name: str, item: Any) -> dict[str, Any]:
    """A dynamic axis has its name, -1 without one."""
    shape = [-1 if size is None else size for size in item.shape]
    return {"name": name, "shape": shape, "dtype": DTYPES.get(item.type, item.type)}
