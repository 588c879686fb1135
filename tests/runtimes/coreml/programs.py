"""Small ML programs for tests, built with MIL and saved as packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.plan import Plan
from edgebuild.runtimes.coreml.library import ct, types

mb, Function, Program = ct.converters.mil.mil.Builder, ct.converters.mil.mil.Function, ct.converters.mil.mil.Program
"""By way of the import that hides torch."""

MIL = {"float32": types.fp32, "float16": types.fp16, "int32": types.int32, "bool": types.bool}


def function(
    build: Callable[..., Any], inputs: dict[str, np.ndarray], target: Any = ct.target.iOS17, states: Any = None
) -> Any:
    """A function of inputs shaped and typed like these arrays; booleans come in as whole numbers."""
    places = {name: mb.placeholder(shape=v.shape, dtype=MIL[v.dtype.name]) for name, v in inputs.items()}
    for name, array in (states or {}).items():
        places[name] = mb.state_tensor_placeholder(shape=array.shape, dtype=MIL[array.dtype.name])
    with Function(places, opset_version=target) as made:
        found = build(**made.inputs)
        made.set_outputs(list(found) if isinstance(found, (list, tuple)) else [found])
    return made


def evaluated(
    build: Callable[..., Any], inputs: dict[str, np.ndarray], target: Any = ct.target.iOS17
) -> list[np.ndarray]:
    """What the evaluator says of a function that was never saved."""
    plan = Plan(function(build, inputs, target), 1, {})
    values = plan.run(inputs)
    return [values[place] for _, place in plan.outputs]


def inferred(build: Callable[..., Any], inputs: dict[str, np.ndarray], target: Any = ct.target.iOS17) -> list[Any]:
    """What coremltools itself infers where the same inputs are constants; None where it infers nothing."""

    def fixed(**_: Any) -> Any:
        found = build(**{name: mb.const(val=value) for name, value in inputs.items()})
        return list(found) if isinstance(found, (list, tuple)) else [found]

    with Function({"unused": mb.placeholder(shape=(1,))}, opset_version=target) as made:
        found = fixed()
        made.set_outputs(found)
    return [var.val for var in found]


def saved(folder: Path, made: Any, target: Any = ct.target.iOS17, half: bool = False, **more: Any) -> Path:
    """The package of a function."""
    program = Program()
    program.add_function("main", made)
    precision = ct.precision.FLOAT16 if half else ct.precision.FLOAT32
    found = ct.convert(
        program, convert_to="mlprogram", minimum_deployment_target=target, compute_precision=precision,
        skip_model_load=True, **more,
    )  # fmt: skip
    found.save(str(folder))
    return folder
