"""What the tensors of a TFLite model hold while it runs, and their ranges over the calibration samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.compress.quantize.calibration import feeds
from edgebuild.compress.quantize.ranges import write_ranges
from edgebuild.compress.quantize.tflite_graph import with_signature
from edgebuild.errors import words_of


def calibrate_tflite(model: Path, inputs: Path, output: Path, method: str) -> None:
    """The work itself, over paths and values."""
    with words_of("ai-edge-litert"):
        interpreter, runner, watched = opened(model)
        given = feeds(taken_by(runner), inputs, "ai-edge-litert")
        lows: dict[str, list[float]] = {name: [] for name in watched}
        highs: dict[str, list[float]] = {name: [] for name in watched}
        for feed in given:
            runner(**feed)
            for name, index in watched.items():
                values = interpreter.get_tensor(index)
                lows[name].append(float(values.min(initial=0.0)))
                highs[name].append(float(values.max(initial=0.0)))
    low, high = (min, max) if method == "minmax" else (_mean, _mean)
    write_ranges(output, method, len(given), {name: (low(lows[name]), high(highs[name])) for name in watched})


def opened(model: Path) -> tuple[Any, Any, dict[str, int]]:
    """An interpreter that keeps all tensors, its signature's runner, and its activations."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # Delegates keep what lies between their operators to themselves.
    interpreter = Interpreter(
        model_content=with_signature(model.read_bytes()),
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner(next(iter(interpreter.get_signature_list())))
    return interpreter, runner, activations(interpreter)


def taken_by(runner: Any) -> list[dict[str, Any]]:
    """The inputs of a signature's runner as `feeds` takes them."""
    import numpy as np

    return [
        {"name": name, "shape": [int(size) for size in item["shape"]], "dtype": np.dtype(item["dtype"]).name}
        for name, item in runner.get_input_details().items()
    ]


def _mean(values: list[float]) -> float:
    from statistics import fmean

    return fmean(values)


def activations(interpreter: Any) -> dict[str, int]:
    """Float tensors that an operator makes or a caller gives, by name."""
    import numpy as np

    made = {int(tensor) for op in interpreter._get_ops_details() for tensor in op["outputs"]}
    made |= {int(item["index"]) for item in interpreter.get_input_details()}
    return {
        str(item["name"]): int(item["index"])
        for item in interpreter.get_tensor_details()
        if int(item["index"]) in made and item["dtype"] == np.float32
    }
