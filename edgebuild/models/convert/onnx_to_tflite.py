"""ONNX → float32 TFLite, by onnx2tf's direct backend, which lives in a folder of its own (`models/tool.py`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar

from edgebuild.core.step import Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of
from edgebuild.models.convert.base import Conversion
from edgebuild.models.convert.onnx_names import rename, rename_interface
from edgebuild.models.inspect.onnx_facts import nodes, shape_of
from edgebuild.models.tidy.tflite_file import with_interface

if TYPE_CHECKING:
    import numpy as np
    from onnx import ModelProto

    Arrays = dict[str, np.ndarray]

BY = "onnx2tf"
SIDES = ("in", "out")
OTHER_FORM = "Bring the model as Keras, SavedModel or TFLite for this target."
CALL = """
import json, sys
import onnx2tf

model, folder, names = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
onnx2tf.convert(
    input_onnx_file_path=model, output_folder_path=folder, non_verbose=True, keep_shape_absolutely_input_names=names,
    copy_onnx_input_output_names_to_tflite=True, enable_rnn_unroll=True,
)
"""
"""Unrolled, because TFLite's recurrent operators keep their state from one run to the next, which ONNX's do not."""
DATA_DECIDES = frozenset({"NonZero", "NonMaxSuppression", "Unique", "Loop", "If", "Scan", "Compress", "StringSplit"})
"""Operators whose results have other shapes for other values."""
LIMIT = 1e-3
"""Largest deviation, relative to an output's largest value, of float32 kernels that add in another order; seen 1e-6."""


class OnnxToTflite(Conversion):
    """Operator by operator, without TensorFlow. Inputs and outputs keep names, order and the layout of their axes."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "ai-edge-litert", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.tflite"

    tool: Artifact
    """The folder that `PinnedTool` makes."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: a shape is open, onnx2tf declines the model, or what it makes says other things."""
        onnx_to_tflite(work.path(self.model), work.output, work.path(self.tool))


def onnx_to_tflite(source: Path, output: Path, tool: Path) -> None:
    """The work itself, over paths and values."""
    import onnx

    model = onnx.load(source)
    refuse_open(model)
    with words_of(BY):
        feed, wanted = trial(source)
    fix_outputs(model, wanted)
    names = [[item.name for item in side] for side in (model.graph.input, model.graph.output)]
    plain = [{f"{side}{row}": name for row, name in enumerate(found)} for side, found in zip(SIDES, names, strict=True)]
    with words_of(BY):
        rename_interface(model, list(plain[0]), list(plain[1]), BY)
        output.write_bytes(with_interface(converted(model, tool), *plain))
        other = differing(output, feed, wanted)
        if other:
            # A feature map comes out with its channels last where nothing in the graph asks for ONNX's order.
            pin_layout(model, {plain_name for plain_name, name in plain[1].items() if name in other})
            output.write_bytes(with_interface(converted(model, tool), *plain))
            other = differing(output, feed, wanted)
    if other:
        why = f"its result differs from ONNX Runtime's: {'; '.join(other.values())}."
        raise Refused(by=BY, why=why, fix=OTHER_FORM)


def refuse_open(model: ModelProto) -> None:
    """Raises: Refused: an axis has no size, or has one that the values decide, so that nothing holds its layout."""
    found = [item.name for item in model.graph.input if not all(map(fixed, shape_of(item)))]
    if any(node.op_type in DATA_DECIDES for node in nodes(model.graph)):
        found += [item.name for item in model.graph.output if not all(map(fixed, shape_of(item)))]
    if found:
        raise Refused(
            by="the conversion to TFLite",
            why=f"it needs fixed shapes, and these have open axes: {', '.join(found)}.",
            fix="Name the axes under `model.inputs.….dims` and give them sizes under `model.shapes`.",
            kind="not applicable",
        )


def fixed(size: int | str | None) -> bool:
    """Whether an axis has a size."""
    return isinstance(size, int) and size > 0


def trial(source: Path) -> tuple[Arrays, Arrays]:
    """Inputs drawn from a seed, and what ONNX Runtime makes of them, both by name."""
    import numpy as np
    import onnxruntime as ort

    session = ort.InferenceSession(str(source), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    feed = {item.name: drawn(random, item.shape, item.type) for item in session.get_inputs()}
    names = [item.name for item in session.get_outputs()]
    return feed, dict(zip(names, session.run(names, feed), strict=True))


def drawn(random: np.random.Generator, shape: list[int], kind: str) -> np.ndarray:
    """Floats in [-1, 1); of all else 0 and 1, which every vocabulary and every mask has."""
    import numpy as np

    name = kind.removeprefix("tensor(").removesuffix(")")
    dtype = np.dtype({"float": "float32", "double": "float64"}.get(name, name))
    if dtype.kind == "f":
        return (random.random(shape) * 2 - 1).astype(dtype)
    return random.integers(0, 2, shape).astype(dtype)


def fix_outputs(model: ModelProto, found: Arrays) -> None:
    """Write the sizes that fixed inputs lead to where shape inference lost them."""
    from onnx import helper

    for item in model.graph.output:
        kind = item.type.tensor_type.elem_type
        item.CopyFrom(helper.make_tensor_value_info(item.name, kind, found[item.name].shape))


def converted(model: ModelProto, tool: Path) -> bytes:
    """What onnx2tf makes of a model, as a float32 file.

    Raises:
        Refused: it ends in an error; its last words.
    """
    import onnx

    with TemporaryDirectory() as folder:
        onnx.save(model, Path(folder, "model.onnx"))
        names = json.dumps([item.name for item in model.graph.input])
        command = [sys.executable, "-s", "-P", "-c", CALL, "model.onnx", "made", names]
        environment = {**os.environ, "PYTHONPATH": str(tool.resolve()), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, env={**environment, "TQDM_DISABLE": "1"}, capture_output=True, text=True, check=False
        )
        made = Path(folder, "made", "model_float32.tflite")
        if not done.returncode and made.is_file():
            return made.read_bytes()
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    told = [line for line in lines if "error" in line.lower()] or lines or ["it ended without a word"]
    raise Refused(by=BY, why=told[-1][-400:], fix=OTHER_FORM)


def pin_layout(model: ModelProto, outputs: set[str]) -> None:
    """Let these outputs pass through one axis, in ONNX's order.

    Given:   y
    Result:  y__own → Reshape(-1) → Reshape(shape of y) → y
    """
    import numpy as np
    from onnx import helper, numpy_helper

    for item in model.graph.output:
        if item.name not in outputs:
            continue
        own, flat = f"{item.name}__own", f"{item.name}__flat"
        rename(model.graph, {item.name: own})
        item.name = flat.removesuffix("__flat")
        for name, sizes in ((f"{flat}_shape", [-1]), (f"{own}_shape", shape_of(item))):
            model.graph.initializer.append(numpy_helper.from_array(np.array(sizes, np.int64), name))
        model.graph.node.append(helper.make_node("Reshape", [own, f"{flat}_shape"], [flat]))
        model.graph.node.append(helper.make_node("Reshape", [flat, f"{own}_shape"], [item.name]))


def differing(made: Path, feed: Arrays, wanted: Arrays) -> dict[str, str]:
    """Each output with another type, shape or value than rounding explains, as a phrase."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    found = Interpreter(model_path=str(made), num_threads=1).get_signature_runner()(**feed)
    other = {}
    for name, want in wanted.items():
        got = found[name]
        if got.shape != want.shape or got.dtype != want.dtype:
            other[name] = f"`{name}` is {got.dtype} {list(got.shape)} instead of {want.dtype} {list(want.shape)}"
        elif want.dtype.kind == "f" and np.isfinite(want).all():
            worst = float(np.abs(got - want).max(initial=0.0))
            if not worst <= LIMIT * max(float(np.abs(want).max(initial=0.0)), LIMIT):
                other[name] = f"`{name}` is off by {worst:.2g}"
    return other
