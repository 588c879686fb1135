"""Load and run a TFLite model with LiteRT. Travels to devices: standard library, numpy and the runtime alone."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate

Arrays = dict[str, np.ndarray]
OPTIONS = {"threads", "xnnpack", "raw_io", "delegates"}
SIGNATURE = "serving_default"


def versions() -> dict[str, str]:
    """Distributions that decide what a session computes."""
    return {"ai-edge-litert": version("ai-edge-litert"), "numpy": np.__version__}


def open(path: str, options: dict[str, Any]) -> LiteRTSession:  # noqa: A001 - the contract's name
    """Load a model.

    Args:
        path: of the `.tflite` file.
        options: `threads`; `xnnpack` (default true); `raw_io`: quantized inputs and outputs stay integers;
            `delegates`, in order, each with `provider`, `library` and `options`.

    Raises:
        ValueError: an option is unknown, or the runtime does not take the model.
    """
    unknown = set(options) - OPTIONS
    if unknown:
        raise ValueError(f"unknown session options: {', '.join(sorted(unknown))}")
    return LiteRTSession(path, options)


class LiteRTSession:
    """A loaded model.

    Where an input or output is quantized, callers may use real numbers: floats offered to an integer input are
    quantized with the tensor's scale, an integer output comes back as float32, unless `raw_io`.
    """

    def __init__(self, path: str, options: dict[str, Any]) -> None:
        self._path, self._options, self._delegates = path, options, loaded(options)
        self._interpreter = interpreter(path, options, self._delegates)
        self._raw = bool(options.get("raw_io", False))
        named_in, named_out = names(self._interpreter)
        self._in = [(named_in[item["index"]], item) for item in self._interpreter.get_input_details()]
        self._out = [(named_out[item["index"]], item) for item in self._interpreter.get_output_details()]
        self._shapes = {name: tuple(item["shape"]) for name, item in self._in}
        self.inputs = [self._tensor(name, item) for name, item in self._in]
        self.outputs = [self._tensor(name, item) for name, item in self._out]

    def run(self, feed: Arrays) -> Arrays:
        """Outputs by name; another input shape is taken where the model's axes are dynamic."""
        interpreter = self._interpreter
        if any(feed[name].shape != shape for name, shape in self._shapes.items()):
            self._resize(feed)
        for name, item in self._in:
            interpreter.set_tensor(item["index"], self._offered(feed[name], item))
        interpreter.invoke()
        return {name: self._returned(interpreter.get_tensor(item["index"]), item) for name, item in self._out}

    def trace(self, feed: Arrays, runs: int) -> dict[str, Any]:
        """Operators as the interpreter holds them; its Python API tells no times of single operators."""
        for _ in range(runs):
            self.run(feed)
        found = placed(self._interpreter)
        if self._delegates:
            alone = placed(interpreter(self._path, {**self._options, "xnnpack": False}, loaded(self._options)))
            taken = {op[0] for op in alone["ops"] if op[2] != BUILTIN}
            word = str(self._options["delegates"][0]["provider"])
            found["ops"] = [[*op[:2], word if op[0] in taken else op[2], op[3]] for op in found["ops"]]
        return found

    def layers(self, feed: Arrays) -> list[dict[str, Any]]:
        """Every value between the operators as real numbers, by the built-in kernels: delegates show none of theirs."""
        interpreter = Interpreter(
            model_path=self._path,
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        for name, item in self._in:
            interpreter.resize_tensor_input(item["index"], feed[name].shape, strict=True)
        interpreter.allocate_tensors()
        for name, item in self._in:
            interpreter.set_tensor(item["index"], self._offered(feed[name], item))
        interpreter.invoke()
        about = {int(item["index"]): item for item in interpreter.get_tensor_details()}
        found = []
        for op in interpreter._get_ops_details():
            given = [about[int(index)]["name"] for index in op["inputs"] if int(index) in about]
            for index in map(int, op["outputs"]):
                value = self._returned(interpreter.get_tensor(index), about[index])
                if value.dtype.kind == "f":
                    found.append({"name": about[index]["name"], "op": op["op_name"], "inputs": given, "value": value})
        return found

    def _resize(self, feed: Arrays) -> None:
        for name, item in self._in:
            self._interpreter.resize_tensor_input(item["index"], feed[name].shape, strict=True)
            self._shapes[name] = feed[name].shape
        self._interpreter.allocate_tensors()

    def _offered(self, array: np.ndarray, item: dict[str, Any]) -> np.ndarray:
        """What the tensor takes: integers as they are, real numbers by the tensor's scale."""
        if array.dtype.kind != "f" or not quantized(item):
            return array
        scale, zero = item["quantization"]
        limits = np.iinfo(item["dtype"])
        scaled = array.astype(np.float64) / scale
        # Halves away from zero, as the runtime's own QUANTIZE operator rounds.
        rounded = np.trunc(scaled + np.copysign(0.5, scaled)) + zero
        integers: np.ndarray = np.clip(rounded, limits.min, limits.max).astype(item["dtype"])
        return integers

    def _returned(self, array: np.ndarray, item: dict[str, Any]) -> np.ndarray:
        if self._raw or not quantized(item):
            return array
        scale, zero = item["quantization"]
        real: np.ndarray = (np.float32(scale) * (array.astype(np.int32) - zero)).astype(np.float32)
        return real

    def _tensor(self, name: str, item: dict[str, Any]) -> dict[str, Any]:
        """As plain data; the type is the one callers deal with, `raw_dtype` the tensor's own."""
        signed = item["shape_signature"]
        shape = [int(size) for size in (signed if len(signed) else item["shape"])]
        dtype = np.dtype(item["dtype"]).name
        if not quantized(item):
            return {"name": name, "shape": shape, "dtype": dtype}
        scale, zero = item["quantization"]
        about = {"scale": float(scale), "zero_point": int(zero)}
        shown = dtype if self._raw else "float32"
        return {"name": name, "shape": shape, "dtype": shown, "raw_dtype": dtype, "quantization": about}


def interpreter(path: str, options: dict[str, Any], delegates: list[Any]) -> Any:
    """An interpreter that is ready to run."""
    made = Interpreter(
        model_path=path,
        num_threads=int(options.get("threads", 1)),
        experimental_op_resolver_type=OpResolverType.AUTO
        if options.get("xnnpack", True)
        else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_delegates=delegates or None,
    )
    made.allocate_tensors()
    return made


def loaded(options: dict[str, Any]) -> list[Any]:
    """The delegates asked for.

    Raises:
        ValueError: one does not load here, with its own words.
    """
    found = []
    for item in options.get("delegates", ()):
        if not item["library"]:
            raise ValueError(f"LiteRT for Python has no way to load the `{item['provider']}` delegate")
        try:
            found.append(load_delegate(item["library"], item["options"]))
        except (OSError, ValueError, RuntimeError) as error:
            raise ValueError(f"the `{item['provider']}` delegate does not load here: {error}") from error
    return found


def unloadable(options: dict[str, Any]) -> str:
    """Why a delegate cannot be had here, "" where all can."""
    try:
        loaded(options)
    except ValueError as error:
        return f"{error}."
    return ""


def left_over(path: str, options: dict[str, Any]) -> list[str]:
    """Types of the operators that no delegate takes, one for each operator.

    XNNPACK counts as a delegate where no other is asked for.
    """
    others = loaded(options)
    made = interpreter(path, {**options, "xnnpack": not others}, others)
    return [op[1] for op in placed(made)["ops"] if op[2] == BUILTIN]


def quantized(item: dict[str, Any]) -> bool:
    """Whether a tensor holds integers that stand for real numbers."""
    return np.dtype(item["dtype"]).kind in "iu" and bool(item["quantization"][0])


def names(interpreter: Any) -> tuple[dict[int, str], dict[int, str]]:
    """Names of inputs and outputs by tensor index: the signature's where it has them all, else cleaned tensor names."""
    signatures = interpreter._get_full_signature_list()
    key = SIGNATURE if SIGNATURE in signatures else next(iter(signatures), None)
    sides = []
    for side, items in (("inputs", interpreter.get_input_details()), ("outputs", interpreter.get_output_details())):
        indices = {int(item["index"]) for item in items}
        named = {int(index): str(name) for name, index in (signatures[key][side] if key else {}).items()}
        sides.append(named if set(named) == indices else {int(i["index"]): clean(i["name"]) for i in items})
    return sides[0], sides[1]


def clean(name: str) -> str:
    """A tensor's name without what exporters put around it."""
    return re.sub(r":0$", "", name).removeprefix("serving_default_")


DELEGATE = "DELEGATE"
"""Name of the operator that stands for a part of the graph in a delegate's hands."""
SIDES = ("inputs", "outputs")
BUILTIN = "builtin"
"""Who runs what no delegate took."""


def placed(interpreter: Any) -> dict[str, Any]:
    """The operators, which of them a delegate took, and the arithmetic of each.

    Returns:
        `ops`: name, type, `XNNPACK` or `builtin`, time in us (unknown: 0). `graph`: type to count, the model's own
        operators. `arithmetic`: name to `integer`, `float` or `dynamic` (integer weights, float values).
        `partitions`: how many parts the delegate got. `shapes`: name to those of all inputs and of all outputs.
    """
    held = interpreter._get_ops_details()
    own = [op for op in held if op["op_name"] != DELEGATE]
    delegates = [op for op in held if op["op_name"] == DELEGATE]
    taken = {index for delegate in delegates for index in inside(delegate, own)}
    about = {int(item["index"]): item for item in interpreter.get_tensor_details()}
    types = {index: np.dtype(item["dtype"]).kind for index, item in about.items()}
    sizes = {index: [int(size) for size in item["shape"]] for index, item in about.items()}
    graph: dict[str, int] = {}
    for op in own:
        graph[op["op_name"]] = graph.get(op["op_name"], 0) + 1
    return {
        "ops": [[str(op["index"]), op["op_name"], "XNNPACK" if op["index"] in taken else BUILTIN, 0.0] for op in own],
        "graph": dict(sorted(graph.items())),
        "arithmetic": {str(op["index"]): arithmetic(op, types) for op in own},
        "partitions": len(delegates),
        "shapes": {
            str(op["index"]): [[sizes[int(index)] for index in op[side] if int(index) in sizes] for side in SIDES]
            for op in own
        },
    }


def inside(delegate: dict[str, Any], own: list[dict[str, Any]]) -> set[int]:
    """Operators between a delegate's inputs and its outputs, which it runs in their place."""
    maker = {int(tensor): op for op in own for tensor in op["outputs"]}
    given = {int(tensor) for tensor in delegate["inputs"]}
    waiting = [int(tensor) for tensor in delegate["outputs"]]
    found: set[int] = set()
    while waiting:
        tensor = waiting.pop()
        op = maker.get(tensor)
        if tensor in given or op is None or op["index"] in found:
            continue
        found.add(op["index"])
        waiting += [int(other) for other in op["inputs"]]
    return found


def arithmetic(op: dict[str, Any], types: dict[int, str]) -> str:
    """What an operator computes in, from the types of its first input and its others."""
    kinds = [types.get(int(tensor), "") for tensor in op["inputs"] if int(tensor) >= 0]
    if not kinds or kinds[0] not in "iu":
        return "dynamic" if len(kinds) > 1 and kinds[1] in "iu" and kinds[0] == "f" else "float"
    return "integer"
