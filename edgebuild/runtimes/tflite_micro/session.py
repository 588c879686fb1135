"""Load and run a TFLite model with TensorFlow Lite Micro's kernels on this processor.

Travels to devices: standard library, numpy and the runtime alone.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

Arrays = dict[str, np.ndarray]
OPTIONS = {"raw_io", "arena"}
ALIGNMENT = 16
"""Bytes that TensorFlow Lite Micro aligns its buffers to."""
ROOM = 10
"""Arena in sizes of the model where none is given, as the runtime's own heuristic has it."""
LEAST = 4096
LARGEST = 256 * 2**20


def versions() -> dict[str, str]:
    """Distributions that decide what a session computes."""
    return {"tflite-micro": version("tflite-micro"), "numpy": np.__version__}


def open(path: str, options: dict[str, Any]) -> MicroSession:  # noqa: A001 - the contract's name
    """Load a model.

    Args:
        path: of the `.tflite` file.
        options: `arena`: bytes, as many as are needed where left out; `raw_io`: integers at the ends stay integers.

    Raises:
        ValueError: an option is unknown, or the runtime does not take the model; in its own words.
    """
    unknown = set(options) - OPTIONS - {"threads"}
    if unknown:
        raise ValueError(f"unknown session options: {', '.join(sorted(unknown))}")
    return MicroSession(path, options)


class MicroSession:
    """A loaded model; real numbers at integer ends are quantized and come back as float32, unless `raw_io`."""

    def __init__(self, path: str, options: dict[str, Any]) -> None:
        content = Path(path).read_bytes()
        self._graph = Graph(content)
        given = options.get("arena")
        self._interpreter = interpreter(content, int(given)) if given else roomy(content)
        self._raw = bool(options.get("raw_io", False))
        made = self._interpreter
        self._in = [(name, made.get_input_details(index)) for index, name in enumerate(self._graph.inputs)]
        self._out = [(name, made.get_output_details(index)) for index, name in enumerate(self._graph.outputs)]
        self.inputs = [self._tensor(name, item) for name, item in self._in]
        self.outputs = [self._tensor(name, item) for name, item in self._out]

    def run(self, feed: Arrays) -> Arrays:
        """Outputs by name; shapes are fixed."""
        with speaking():
            for index, (name, item) in enumerate(self._in):
                self._interpreter.set_input(offered(feed[name], item), index)
            self._interpreter.invoke()
        return {
            name: self._returned(self._interpreter.get_output(index), item)
            for index, (name, item) in enumerate(self._out)
        }

    def trace(self, feed: Arrays, runs: int) -> dict[str, Any]:
        """Operators in the order in which they run, one after the other; there is no clock."""
        for _ in range(runs):
            self.run(feed)
        counts: dict[str, int] = {}
        for name, _ in self._graph.ops:
            counts[name] = counts.get(name, 0) + 1
        ops = [[str(index), name, "tflite-micro", 0.0] for index, (name, _) in enumerate(self._graph.ops)]
        arithmetic = {str(index): kind for index, (_, kind) in enumerate(self._graph.ops)}
        return {"ops": ops, "graph": dict(sorted(counts.items())), "arithmetic": arithmetic}

    def _returned(self, array: np.ndarray, item: dict[str, Any]) -> np.ndarray:
        scale, zero = quantization(item)
        if self._raw or not scale:
            return array
        real: np.ndarray = (np.float32(scale) * (array.astype(np.int32) - zero)).astype(np.float32)
        return real

    def _tensor(self, name: str, item: dict[str, Any]) -> dict[str, Any]:
        """As plain data; the type is the one callers deal with, `raw_dtype` the tensor's own."""
        dtype, shape = np.dtype(item["dtype"]).name, [int(size) for size in item["shape"]]
        scale, zero = quantization(item)
        if not scale:
            return {"name": name, "shape": shape, "dtype": dtype}
        about = {"scale": scale, "zero_point": zero}
        shown = dtype if self._raw else "float32"
        return {"name": name, "shape": shape, "dtype": shown, "raw_dtype": dtype, "quantization": about}


def quantization(item: dict[str, Any]) -> tuple[float, int]:
    """Scale and zero point of a tensor of integers that stand for real numbers; a scale of 0 for others."""
    about = item["quantization_parameters"]
    if np.dtype(item["dtype"]).kind not in "iu" or not len(about["scales"]):
        return 0.0, 0
    return float(about["scales"][0]), int(about["zero_points"][0])


def offered(array: np.ndarray, item: dict[str, Any]) -> np.ndarray:
    """What the tensor takes: integers as they are, real numbers by the tensor's scale."""
    scale, zero = quantization(item)
    if array.dtype.kind != "f" or not scale:
        return np.ascontiguousarray(array)
    limits = np.iinfo(item["dtype"])
    scaled = array.astype(np.float64) / scale
    # Halves away from zero, as the runtime's own QUANTIZE operator rounds.
    rounded = np.trunc(scaled + np.copysign(0.5, scaled)) + zero
    integers: np.ndarray = np.clip(rounded, limits.min, limits.max).astype(item["dtype"])
    return integers


def interpreter(content: bytes, arena: int) -> Any:
    """An interpreter with so many bytes of arena.

    Raises:
        ValueError: the runtime does not take the model, or the arena is too small; with what it prints.
    """
    with speaking():
        return runtime.Interpreter.from_bytes(content, arena_size=arena)


SMALL = re.compile(r"allocate|arena|memory|missing: \d", re.IGNORECASE)
"""In what the runtime prints where its arena is too small."""
NO_KERNEL = re.compile(r"Didn't find op|not supported|failed to prepare|Failed to get registration|was not true")
"""The same where it has no kernel, which no arena mends."""


def roomy(content: bytes) -> Any:
    """An interpreter with an arena that is large enough.

    Raises:
        ValueError: none is; or the runtime does not take the model.
    """
    size = max(LEAST, ROOM * len(content))
    while True:
        try:
            return interpreter(content, size)
        except ValueError as error:
            said = str(error)
            if size > LARGEST or NO_KERNEL.search(said) or not SMALL.search(said):
                raise
            size *= 4


def arena(path: str) -> int:
    """The fewest bytes of arena with which the model loads and runs, to 16, by bisection.

    The runtime's own recording of its allocations leaves out what it needs only while it plans: 16 % for one of the
    models of MLPerf Tiny. Pointers of this processor are 8 bytes, so it is an upper bound for a 32-bit one.

    Raises:
        ValueError: the runtime does not take the model.
    """
    content = Path(path).read_bytes()
    roomy(content)
    low, high = 0, max(LEAST, ROOM * len(content)) // ALIGNMENT + 1
    while not fits(content, high * ALIGNMENT):
        low, high = high, high * 4
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(content, middle * ALIGNMENT) else (middle, high)
    return high * ALIGNMENT


def fits(content: bytes, size: int) -> bool:
    """Whether a model loads and runs in an arena."""
    try:
        made = interpreter(content, size)
        with speaking():
            made.invoke()
    except ValueError:
        return False
    return True


@contextmanager
def speaking() -> Iterator[None]:
    """Put what the runtime prints to the standard error beside what it raises, which says less.

    Raises:
        ValueError: for whatever it raised.
    """
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except (RuntimeError, ValueError, IndexError) as error:
            file.seek(0)
            lines = [" ".join(line.split()) for line in file.read().decode(errors="replace").splitlines()]
            raise ValueError("; ".join([*filter(None, lines), str(error)])) from error
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class Graph:
    """What a file says: names of inputs and outputs in order, operators and what each computes in."""

    def __init__(self, content: bytes) -> None:
        self._model = runtime.convert_bytearray_to_object(bytearray(content))
        graph = self._model.subgraphs[0]
        self._codes = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
        self._types = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
        self.inputs = self._names(graph, graph.inputs, "inputs")
        self.outputs = self._names(graph, graph.outputs, "outputs")
        self.ops = [(self._name(op), self._arithmetic(graph, op)) for op in graph.operators or ()]

    def _names(self, graph: Any, indices: Any, side: str) -> list[str]:
        """The signature's where it has them all, else cleaned tensor names."""
        known: dict[int, str] = {}
        for signature in self._model.signatureDefs or ():
            known |= {int(item.tensorIndex): item.name.decode() for item in getattr(signature, side) or ()}
        cleaned = {int(i): re.sub(r":0$", "", graph.tensors[i].name.decode()) for i in indices}
        whole = all(int(index) in known for index in indices)
        plain = {index: name.removeprefix("serving_default_") for index, name in cleaned.items()}
        return [known[int(index)] if whole else plain[int(index)] for index in indices]

    def _name(self, op: Any) -> str:
        entry = self._model.operatorCodes[op.opcodeIndex]
        name = self._codes[max(entry.builtinCode, entry.deprecatedBuiltinCode)]
        return str(entry.customCode.decode()) if name == "CUSTOM" and entry.customCode else name

    def _arithmetic(self, graph: Any, op: Any) -> str:
        given = [index for index in (op.inputs if op.inputs is not None else ()) if index >= 0]
        kind = self._types[graph.tensors[given[0]].type] if given else ""
        return "integer" if kind.startswith(("INT", "UINT")) else "float"
