"""The values between the operators of an ONNX model, by whatever session opens a copy of it.

Imported where models are made, not on devices: it needs the onnx package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[[bytes, list[str]], list[Any]]
"""A model's bytes and names of outputs → their values."""


def onnx_layers(path: str, outputs: set[str], run: Run) -> list[dict[str, Any]]:
    """Every real value in the order of execution: `name`, `op`, `inputs`, `value`.

    Args:
        path: of the model.
        outputs: names of what it gives already.
        run: opens the copy in which every value is an output, and runs it.
    """
    import onnx

    model = onnx.load(path)
    made = [(node, name) for node in model.graph.node for name in node.output if name]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for _, name in made if name not in outputs)
    values = run(model.SerializeToString(), [name for _, name in made])
    return [
        {"name": name, "op": node.op_type, "inputs": list(node.input), "value": value}
        for (node, name), value in zip(made, values, strict=True)
        if hasattr(value, "dtype") and value.dtype.kind == "f"
    ]
