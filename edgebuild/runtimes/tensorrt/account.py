"""What TensorRT can be known to make of a model: its parser's word, an engine built ahead, layers on a GPU."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from edgebuild.core.dossier import Account
from edgebuild.core.step import Workspace
from edgebuild.core.versions import version_of
from edgebuild.runtimes.account import SLOWEST, TraceModel, plural, trace
from edgebuild.runtimes.tensorrt.ahead import Built, build_ahead
from edgebuild.runtimes.tensorrt.check import Parsed, parse
from edgebuild.runtimes.tensorrt.here import WHEELS

HEAVY = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear"})
LONGEST = 300
"""Characters of the builder's words."""


class AccountTensorrt(TraceModel):
    """Of an ONNX model for TensorRT.

    Which kernels run is decided where the engine is built: without a GPU nothing is counted as an integer kernel.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("numpy", "onnx", *WHEELS)
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")

    parser: bool = True
    """Whether the TensorRT-RTX wheels are there to ask."""
    compute_capability: str = ""
    """Of the GPU to build an engine ahead for; none where it is empty."""
    builder_optimization_level: int = 3

    def run(self, work: Workspace) -> None:
        """Raises: Refused: TensorRT declines the model on the GPU that is here. StepError: it died."""
        model, inputs = work.path(self.model), work.path(self.samples) / "inputs.npz"
        parsed = parse(model) if self.parser else None
        built = None
        if self.parser and self.compute_capability:
            shapes = fed_shapes(model, inputs)
            built = build_ahead(model, self.compute_capability, self.builder_optimization_level, shapes, work.scratch)
        traced = None
        if self.call.options.get("execute") == "tensorrt":
            traced = trace(model, self.call, inputs, work.scratch / "trace", self.timeout_s)
        found = account(model, parsed, built, self.compute_capability, traced)
        work.output.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")


def fed_shapes(model: Path, inputs: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each input in the first sample, with its batch axis."""
    from edgebuild.compress.onnx_nodes import inputs_of
    from edgebuild.compress.quantize.calibration import feeds

    feed = feeds(inputs_of(model), inputs, "tensorrt")[0]
    return {name: tuple(int(size) for size in array.shape) for name, array in feed.items()}


def account(
    model: Path, parsed: Parsed | None, built: Built | None, capability: str, traced: dict[str, Any] | None
) -> Account:
    """Everything in one record; counts are of the ONNX graph that ships, layers of an engine where one ran."""
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    ops = Counter(node.op_type for node in graph.node)
    words = [parser_words(parsed), typed_words(graph), ahead_words(built, capability)]
    ran = traced["ops"] if traced else []
    words.append(
        f"On the GPU a run takes {traced['gpu_ms']:.3g} ms by CUDA events, without copies."
        if traced
        else "Nothing ran on a GPU."
    )
    return Account(
        ops=dict(sorted(ops.items())),
        conversions=sum(count for name, count in ops.items() if name in CONVERSIONS),
        placement=dict(Counter(op[2] for op in ran)),
        slowest=tuple((op[0], op[3]) for op in ran[:SLOWEST]),
        words=" ".join(filter(None, words)),
    )


def parser_words(parsed: Parsed | None) -> str:
    """Who looked at the model."""
    if parsed is None:
        return "No parser of TensorRT-RTX is here to ask."
    layers = f"({plural(parsed.layers, 'layer')})"
    return f"The parser of TensorRT-RTX {version_of(WHEELS[0])} takes all {plural(parsed.nodes, 'node')} {layers}."


def typed_words(graph: Any) -> str:
    """In what the heavy operators are to be computed, as the graph says."""
    import onnx

    made = {name: node.op_type for node in graph.node for name in node.output}
    halves = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT16}
    heavy = [node for node in graph.node if node.op_type in HEAVY]
    if not heavy:
        return "The graph has no convolution or matrix product."
    integer = sum(all(made.get(name) == "DequantizeLinear" for name in node.input[:2]) for node in heavy)
    half = sum(any(name in halves for name in node.input) for node in heavy)
    if integer:
        rest = f"{integer} of {plural(len(heavy), 'heavy operator')} have quantized inputs and weights"
        return f"{rest}; whether INT8 kernels run them is decided where the engine is built."
    return f"{half} of {plural(len(heavy), 'heavy operator')} are typed float16, {len(heavy) - half} float32."


def ahead_words(built: Built | None, capability: str) -> str:
    """What came of an engine ahead of time."""
    if built is None:
        return ""
    if built.size:
        return (
            f"A TensorRT-RTX engine for compute capability {capability} was built here in {built.seconds:.2g} s, "
            f"{built.size / 1000:.0f} kB; a TensorRT-RTX engine is no TensorRT engine."
        )
    why = built.why.rstrip(".") if len(built.why) <= LONGEST else built.why[: LONGEST - 1] + "…"
    head = f"No TensorRT-RTX engine for compute capability {capability} was built ahead, which refuses nothing"
    return f"{head}: TensorRT's own builder is another. The words were: {why}."
