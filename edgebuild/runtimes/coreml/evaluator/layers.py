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
    plan, names = evaluator.plan, evaluator.plan.names
    evaluator.check(inputs)
    values = plan.entered(inputs)
    with np.errstate(all="ignore"):
        for step in plan.steps:
            read = sorted(step.reads())
            step.run(values)
            for place in step.outputs:
                value = values[place]
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    given = [names[other] for other in read]
                    yield {"name": names[place], "op": step.op, "inputs": given, "value": value}
