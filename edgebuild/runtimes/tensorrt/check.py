"""Whether TensorRT's ONNX parser takes a model, asked of the TensorRT-RTX wheels, which need no GPU.

TensorRT-RTX has the parser of TensorRT 11 and its typed networks: what it takes, TensorRT should; it is not the same
product, and only TensorRT itself can tell.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of
from edgebuild.runtimes.tensorrt.here import WHEELS

BY = "the ONNX parser of TensorRT-RTX"
SHOWN = 8
"""Declined nodes that a refusal names; it counts the others."""
LONGEST = 240
"""Characters of the parser's words on one node."""


class CheckTensorrt(Step):
    """The model as it is, where the parser takes every node of it."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "numpy", *WHEELS)
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False

    model: Artifact

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the parser declines nodes; names each with the parser's words."""
        check_tensorrt(work.path(self.model), work.output)


def check_tensorrt(model: Path, output: Path) -> None:
    """The work itself, over paths and values."""
    parsed = parse(model)
    if not parsed.taken:
        raise Refused(
            by=BY,
            why=refusal_words(parsed),
            fix="Export the model with operators of its support matrix, or give a model of your own with `source:`.",
        )
    shutil.copyfile(model, output)


class DeclinedNode(NamedTuple):
    """A node and what the parser says of it."""

    operator: str
    name: str
    words: str


class Parsed(NamedTuple):
    """What the parser makes of a model."""

    taken: bool
    layers: int
    """Of the network it made; fewer than the whole where it declines."""
    nodes: int
    """Of the model's main graph."""
    declined: tuple[DeclinedNode, ...]
    unknown: tuple[str, ...]
    """Types of operators that the parser has no code for."""


def parse(model: Path) -> Parsed:
    """Ask the parser about a whole model.

    Raises:
        Refused: it cannot be read at all.
    """
    import onnx
    import tensorrt_rtx_bindings as trt

    with words_of(BY):
        graph = onnx.load(model).graph
        content = model.read_bytes()
        builder = trt.Builder(silent(trt))
        network = builder.create_network(0)
        parser = trt.OnnxParser(network, builder.logger)
        taken = bool(parser.parse(content, str(model)))
        errors = [parser.get_error(row) for row in range(parser.num_errors)]
        types = sorted({node.op_type for node in graph.node})
        unknown = [name for name in types if not taken and not parser.supports_operator(name)]
    return Parsed(taken, network.num_layers, len(graph.node), tuple(declined(errors, graph)), tuple(unknown))


def silent(trt: Any) -> Any:
    """A logger that says nothing: the parser's errors tell the same, by node."""

    class Silent(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            pass

    return Silent()


def declined(errors: list[Any], graph: Any) -> Iterator[DeclinedNode]:
    """Each node once."""
    seen = set()
    for error in errors:
        row = int(error.node())
        node = graph.node[row] if 0 <= row < len(graph.node) else None
        name = error.node_name() or (f"→ {node.output[0]}" if node is not None and node.output else "")
        domain = f"{node.domain}." if node is not None and node.domain not in ("", "ai.onnx") else ""
        if (row, name) not in seen:
            seen.add((row, name))
            yield DeclinedNode(domain + (error.node_operator() or "model"), name, tidy(error.desc()))


def tidy(words: str) -> str:
    """The parser's words in one line, without places in its own source."""
    lines = [line for line in words.splitlines() if not line.startswith("[")]
    text = " ".join(" ".join(lines).split()).partition(" In validateTypes at ")[0].strip(" .(")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def refusal_words(parsed: Parsed) -> str:
    """`it declines 2 of 5 nodes: Det `d`: …; …`, and what else it would not know."""
    told = [f"{item.operator} `{item.name}`: {item.words}" for item in parsed.declined[:SHOWN]]
    more = len(parsed.declined) - len(told)
    told += [f"and {more} more"] if more else []
    words = f"it declines {len(parsed.declined)} of {parsed.nodes} nodes: {'; '.join(told)}."
    rest = [name for name in parsed.unknown if name not in {item.operator for item in parsed.declined}]
    return f"{words} It has no code for {', '.join(rest)} either." if rest else words
