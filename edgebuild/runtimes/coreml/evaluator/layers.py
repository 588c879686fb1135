"""The values between a program's operators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgebuild.runtimes.coreml.evaluator.program import Evaluator

Layer = dict[str, Any]


def layers(evaluator: Evaluator, inputs: dict[str, np.ndarray]) -> Iterator[Layer]:
    """Every real value as it is computed: `name`, `op`, `inputs` (names), `value`.

    Args:
        evaluator: of the program.
        inputs: by MIL's names.
    """
    plan, names = evaluator.plan, names_of(evaluator)
    evaluator.check(inputs)
    values = plan.base.copy()
    for name, value in inputs.items():
        place, kind = plan.inputs[name]
        values[place] = kind.settled(value)
    with np.errstate(all="ignore"):
        for step in plan.steps:
            read = sorted(step.reads())
            step.run(values)
            for place in step.outputs:
                value = values[place]
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    given = [names[other] for other in read if other in names]
                    yield {"name": names[place], "op": step.op, "inputs": given, "value": value}


def names_of(evaluator: Evaluator) -> dict[int, str]:
    """Name of the variable at each place."""
    places = evaluator.plan.places
    made = [var for op in evaluator.function.operations for var in op.outputs]
    found = [*evaluator.function.inputs.values(), *made]
    return {places[id(var)]: var.name for var in found if id(var) in places}
