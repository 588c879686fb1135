"""A saved package as a function of arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.plan import Plan
from edgebuild.runtimes.coreml.library import milproto, types

WEIGHTS = "weights"
"""Name of a package's item that holds the large constants."""


class Evaluator:
    """The main function of an ML program, planned once."""

    def __init__(self, path: str, spec: Any, threads: int) -> None:
        """Load the program and plan it.

        Args:
            path: of the `.mlpackage`.
            spec: its Model message.
            threads: of convolution kernels.

        Raises:
            ValueError: it has operators that the evaluator lacks, all named.
        """
        program = milproto.load(spec, spec.specificationVersion, weights_folder(path))
        function = program.functions[spec.description.defaultFunctionName or "main"]
        self.shapes = {name: fixed(var.shape) for name, var in function.inputs.items() if not is_state(var)}
        self.zeros = {
            name: zeros(var.sym_type.wrapped_type()) for name, var in function.inputs.items() if is_state(var)
        }
        self.states = dict(self.zeros)
        self.plan = Plan(function, threads, self.states)
        self.halves = {var.name for var in function.outputs if var.dtype == types.fp16}

    def reset(self) -> None:
        """States as they were before the first run: zeros."""
        self.states.update(self.zeros)

    def hold(self, states: dict[str, np.ndarray]) -> None:
        """Set states by MIL's names; float16 is computed with in float32.

        Raises:
            ValueError: one has another shape than the program's.
        """
        for name, value in states.items():
            first = self.zeros[name]
            if value.shape != first.shape:
                raise ValueError(f"state `{name}` has shape {list(value.shape)}; it takes {list(first.shape)}")
            self.states[name] = value.astype(first.dtype)

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, Any]:
        """Outputs by MIL's names; a float16 one as float16.

        Raises:
            ValueError: an input has another shape than the program's.
        """
        self.check(inputs)
        with np.errstate(all="ignore"):
            values = self.plan.run(inputs)
        found = {name: values[place] for name, place in self.plan.outputs}
        # Copies, for an output may be a constant of the plan or the value of a state.
        return {name: array(value, name in self.halves) for name, value in found.items()}

    def check(self, inputs: dict[str, np.ndarray]) -> None:
        """See `run`."""
        for name, shape in self.shapes.items():
            have = np.shape(inputs[name])
            if len(have) != len(shape) or any(size not in (-1, got) for size, got in zip(shape, have, strict=True)):
                raise ValueError(f"`{name}` has shape {list(have)}; the program takes {list(shape)}")

    def trace(self, inputs: dict[str, np.ndarray], runs: int) -> list[tuple[str, str, float]]:
        """Name, operator and mean microseconds of each step; one run before is left out."""
        with np.errstate(all="ignore"):
            self.plan.timed(inputs)
            spent = np.mean([self.plan.timed(inputs) for _ in range(runs)], axis=0)
        return [(step.name, step.op, float(time)) for step, time in zip(self.plan.steps, spent, strict=True)]


def array(value: Any, half: bool) -> Any:
    """An output as its own array; a label as it is."""
    if not isinstance(value, (np.ndarray, np.generic)):
        return value
    return np.array(value, np.float16 if half else value.dtype)


def zeros(kind: Any) -> np.ndarray:
    """What a state of a MIL type holds at first; float16 in float32, as everywhere."""
    dtype = types.nptype_from_builtin(kind.get_primitive())
    return np.zeros(kind.get_shape(), np.float32 if dtype == np.float16 else dtype)


def is_state(var: Any) -> bool:
    """Whether an input is kept between runs."""
    return bool(types.is_state(var.sym_type))


def fixed(shape: Any) -> tuple[int, ...]:
    """A shape with -1 for what is open."""
    return tuple(int(size) if isinstance(size, (int, np.integer)) else -1 for size in shape)


def weights_folder(path: str) -> str:
    """Where a package keeps its large constants, an empty string where it has none."""
    manifest = Path(path, "Manifest.json")
    if not manifest.is_file():
        return ""
    items = json.loads(manifest.read_text(encoding="utf-8"))["itemInfoEntries"].values()
    return next((str(Path(path, "Data", item["path"])) for item in items if item["name"] == WEIGHTS), "")
