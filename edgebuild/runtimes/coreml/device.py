"""Apple's own runtime, on macOS."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.library import MLComputePlan, ct
from edgebuild.runtimes.coreml.ports import Port

UNITS = {
    "all": ct.ComputeUnit.ALL,
    "cpu_only": ct.ComputeUnit.CPU_ONLY,
    "cpu_and_gpu": ct.ComputeUnit.CPU_AND_GPU,
    "cpu_and_ne": ct.ComputeUnit.CPU_AND_NE,
}
"""Option `compute_units` to what may run the model."""

DEVICES = {"MLCPUComputeDevice": "CPU", "MLGPUComputeDevice": "GPU", "MLNeuralEngineComputeDevice": "Neural Engine"}


class Device:
    """A package compiled and loaded by Core ML."""

    provider = "Core ML"

    def __init__(self, path: str, units: str, inputs: list[Port]) -> None:
        """Args: path: of the `.mlpackage`. units: a name of `UNITS`."""
        self.units, self.inputs = UNITS[units], {port.inner: port for port in inputs}
        began = time.perf_counter()
        self.model = ct.models.MLModel(path, compute_units=self.units)
        self.load_ms = (time.perf_counter() - began) * 1000
        self.stateful = len(self.model.get_spec().description.state) > 0
        self.reset()

    def reset(self) -> None:
        """States as they were before the first run."""
        self.state: Any = self.model.make_state() if self.stateful else None

    def hold(self, states: dict[str, np.ndarray]) -> None:
        """Set states by Core ML's names."""
        if self.state is None:
            return
        for name, value in states.items():
            self.state.write_state(name, value)

    def run(self, feed: dict[str, np.ndarray]) -> dict[str, Any]:
        """Outputs by Core ML's names."""
        offered = {name: picture(array, self.inputs[name].colours) for name, array in feed.items()}
        found: dict[str, Any] = self.model.predict(offered, state=self.state)
        return {name: plain(value) for name, value in found.items()}

    def trace(self, feed: dict[str, np.ndarray], runs: int) -> dict[str, Any]:
        """Operators and where Core ML means to run them; each has its share of the time of a whole run, in us."""
        self.run(feed)
        began = time.perf_counter_ns()
        for _ in range(runs):
            self.run(feed)
        mean = (time.perf_counter_ns() - began) / 1000 / runs
        plan = MLComputePlan.load_from_path(path=self.model.get_compiled_model_path(), compute_units=self.units)
        return placed(plan, mean, self.load_ms)


def placed(plan: Any, mean_us: float, load_ms: float) -> dict[str, Any]:
    """A compute plan as plain data; operators that Core ML places nowhere (constants) are left out.

    Args:
        plan: an `MLComputePlan`.
        mean_us: time of a whole run.
        load_ms: time to load the package.
    """
    ops = []
    for op in operations(plan.model_structure.program):
        usage = plan.get_compute_device_usage_for_mlprogram_operation(op)
        if usage is not None:
            ops.append(row(op, usage, plan.get_estimated_cost_for_mlprogram_operation(op), mean_us))
    ops.sort(key=lambda op: (-op[3], op[0]))
    counted = dict(sorted(Counter(op[1] for op in ops).items()))
    return {"ops": ops, "graph": counted, "load_ms": round(load_ms, 3)}


def row(op: Any, usage: Any, cost: Any, mean_us: float) -> list[Any]:
    """Name, type, device and time of an operator: its share of a whole run, 0 where Core ML estimates none.

    Args:
        op: an `MLModelStructureProgramOperation`.
        usage: an `MLComputePlanDeviceUsage`.
        cost: an `MLComputePlanCost`, or None.
        mean_us: time of a whole run.
    """
    device = type(usage.preferred_compute_device).__name__
    spent = 0.0 if cost is None else round(cost.weight * mean_us, 3)
    kind = re.sub(r"^ios\d+\.", "", op.operator_name)
    return [op.outputs[0].name if op.outputs else "", kind, DEVICES.get(device, device), spent]


def operations(program: Any) -> Iterator[Any]:
    """Every operator of a program's main function, those of inner blocks too."""
    waiting = [program.functions["main"].block]
    while waiting:
        for op in waiting.pop().operations:
            yield op
            waiting += op.blocks


def picture(array: np.ndarray, colours: str) -> Any:
    """An array as Core ML's Python takes it: an image as one of PIL."""
    if not colours:
        return array
    from PIL import Image

    rows = array[0].transpose(1, 2, 0)
    if colours == "GRAYSCALE_FLOAT16":
        return Image.fromarray(rows[:, :, 0].astype(np.float32), mode="F")
    pixels = rows.astype(np.uint8)
    if colours == "GRAYSCALE":
        return Image.fromarray(pixels[:, :, 0], mode="L")
    # PIL's colours are red first; Core ML puts them in the package's order.
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, ::-1] if colours == "BGR" else pixels), mode="RGB")


def plain(value: Any) -> Any:
    """An output as an array; an image of PIL as [1, C, H, W], red first."""
    if not hasattr(value, "convert"):
        return value
    rows = np.asarray(value if value.mode in ("L", "F") else value.convert("RGB"), np.float32)
    return rows[None, None] if rows.ndim == 2 else rows.transpose(2, 0, 1)[None]
