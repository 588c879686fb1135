"""Loads a TFLite model in LiteRT. Travels: numpy and ai_edge_litert, nothing else.

Options: `threads`; `xnnpack` (true); `raw_io` (false: integer inputs take, and integer outputs give, real numbers by
the tensor's own scale).
"""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from typing import Any

import numpy as np
from ai_edge_litert import interpreter as litert


def versions() -> dict[str, str]:
    """The runtime's build."""
    return {"ai-edge-litert": version("ai-edge-litert")}


def open(path: str, options: dict[str, Any]) -> LiteRTSession:  # noqa: A001 - the name every session module has
    """Load a model; raises what LiteRT raises."""
    return LiteRTSession(path, options)


def cleaned(name: str) -> str:
    """A tensor's name without what converters add: `serving_default_image:0` → `image`."""
    return name.split(":", 1)[0].removeprefix("serving_default_")


class Port:
    """One input or output tensor."""

    def __init__(self, name: str, detail: dict[str, Any], raw: bool) -> None:
        self.name, self.index = name, int(detail["index"])
        self.dtype = np.dtype(detail["dtype"])
        self.scale, self.zero = detail["quantization"]
        self.quantized = bool(self.scale) and self.dtype.kind in "iu" and not raw
        shape = detail.get("shape_signature", detail["shape"])
        self.shape = [int(size) if size >= 0 else "?" for size in shape]

    def described(self) -> dict[str, Any]:
        """Name, shape and the numpy type that a caller deals with."""
        return {"name": self.name, "shape": self.shape, "dtype": "float32" if self.quantized else self.dtype.name}

    def to_tensor(self, value: np.ndarray) -> np.ndarray:
        """Real numbers as this tensor's integers: q = round(r / scale) + zero, clipped."""
        if not self.quantized:
            return value
        info = np.iinfo(self.dtype)
        rounded = np.round(value / np.float32(self.scale)) + self.zero
        return np.clip(rounded, info.min, info.max).astype(self.dtype)

    def to_numbers(self, value: np.ndarray) -> np.ndarray:
        """This tensor's integers as real numbers: r = scale · (q − zero)."""
        if not self.quantized:
            return value
        return (value.astype(np.float32) - np.float32(self.zero)) * np.float32(self.scale)


class LiteRTSession:
    """A loaded model."""

    def __init__(self, path: str, options: dict[str, Any]) -> None:
        # Without XNNPACK the builtin kernels are what remains.
        resolver = (
            litert.OpResolverType.AUTO
            if options.get("xnnpack", True)
            else litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
        self.interpreter = litert.Interpreter(
            model_path=path,
            num_threads=int(options.get("threads", 1)),
            experimental_op_resolver_type=resolver,
            experimental_preserve_all_tensors=False,
        )
        self.interpreter.allocate_tensors()
        raw = bool(options.get("raw_io"))
        names_in, names_out = signature_names(self.interpreter)
        self.ports_in = [self.port(d, names_in, raw) for d in self.interpreter.get_input_details()]
        self.ports_out = [self.port(d, names_out, raw) for d in self.interpreter.get_output_details()]
        self.inputs = [port.described() for port in self.ports_in]
        self.outputs = [port.described() for port in self.ports_out]

    @staticmethod
    def port(detail: dict[str, Any], names: dict[int, str], raw: bool) -> Port:
        """A tensor under its canonical name."""
        return Port(names.get(int(detail["index"]), cleaned(detail["name"])), detail, raw)

    def run(self, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name."""
        for port in self.ports_in:
            value = port.to_tensor(feed[port.name])
            if "?" in port.shape and list(value.shape) != list(self.interpreter.get_input_details()[0]["shape"]):
                self.interpreter.resize_tensor_input(port.index, value.shape)
                self.interpreter.allocate_tensors()
            self.interpreter.set_tensor(port.index, value)
        self.interpreter.invoke()
        return {port.name: port.to_numbers(self.interpreter.get_tensor(port.index)) for port in self.ports_out}

    def trace(self, feed: dict[str, np.ndarray], runs: int) -> dict[str, Any]:
        """Operators of the execution plan; LiteRT's Python interface gives no time per operator."""
        del runs
        self.run(feed)
        details = self.interpreter._get_ops_details()
        graph = Counter(item["op_name"] for item in details)
        return {"ops": [[str(item["index"]), item["op_name"], "", None] for item in details], "graph": dict(graph)}


def signature_names(interpreter: Any) -> tuple[dict[int, str], dict[int, str]]:
    """Tensor index → name of the first signature, for inputs and outputs; empty where the model has none."""
    found = interpreter._get_full_signature_list()
    if not found:
        return {}, {}
    first = next(iter(found.values()))
    return (
        {int(index): name for name, index in first["inputs"].items()},
        {int(index): name for name, index in first["outputs"].items()},
    )
