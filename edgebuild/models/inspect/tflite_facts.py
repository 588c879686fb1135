"""Facts of a TFLite file."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

from edgebuild.core.dossier import Tensor
from edgebuild.models.inspect.facts import Axes, ModelFacts, named_axes
from edgebuild.models.inspect.names import distinct

HEAVY = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def tflite_facts(path: Path, dims: Axes) -> ModelFacts:
    """Read by LiteRT's interpreter, without running it."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # No delegate: it would replace the operators that are to be counted.
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=resolver)
    ops = interpreter._get_ops_details()
    details = {int(item["index"]): item for item in interpreter.get_tensor_details()}
    made = {int(index) for op in ops for index in op["outputs"]}
    given = {int(item["index"]) for item in interpreter.get_input_details()}
    constants = [item for index, item in details.items() if index not in made | given]
    named_in, named_out = signature(interpreter)
    return ModelFacts(
        format="tflite",
        inputs=tensors(interpreter.get_input_details(), named_in, dims),
        outputs=tensors(interpreter.get_output_details(), named_out, {}),
        ops=dict(sorted(Counter(op["op_name"] for op in ops).items())),
        parameters=sum(prod(int(size) for size in item["shape"]) for item in constants),
        macs=sum(macs(op, details) for op in ops if op["op_name"] in HEAVY),
        producer="TFLite",
    )


def signature(interpreter: Any) -> tuple[dict[int, str], dict[int, str]]:
    """Tensor index → name in the first signature; empty without one."""
    found = interpreter._get_full_signature_list()
    if not found:
        return {}, {}
    first = next(iter(found.values()))
    return (
        {int(index): name for name, index in first["inputs"].items()},
        {int(index): name for name, index in first["outputs"].items()},
    )


def tensors(details: list[dict[str, Any]], named: dict[int, str], dims: Axes) -> tuple[Tensor, ...]:
    """Inputs or outputs under their canonical names; integers with a scale are real numbers to their user."""
    names = distinct([item["name"] for item in details])
    if named and all(int(item["index"]) in named for item in details):
        names = [named[int(item["index"])] for item in details]
    found = []
    for name, item in zip(names, details, strict=True):
        import numpy as np

        quantized = bool(item["quantization"][0]) and np.dtype(item["dtype"]).kind in "iu"
        open_shape = [int(size) if size >= 0 else None for size in item["shape_signature"]]
        dtype = "float32" if quantized else np.dtype(item["dtype"]).name
        found.append(Tensor(name=name, shape=named_axes(name, open_shape, dims), dtype=dtype))
    return tuple(found)


def macs(op: dict[str, Any], details: dict[int, dict[str, Any]]) -> int:
    """Output elements × weights for one output element, at the file's own shapes.

    Weights are OHWI for CONV_2D, 1HWC for DEPTHWISE_CONV_2D, OI for FULLY_CONNECTED.
    """
    weight = [int(size) for size in details[int(op["inputs"][1])]["shape"]]
    result = prod(int(size) for size in details[int(op["outputs"][0])]["shape"])
    per_element = prod(weight[1:3]) if op["op_name"] == "DEPTHWISE_CONV_2D" else prod(weight[1:])
    return result * per_element
