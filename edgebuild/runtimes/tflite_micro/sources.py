"""A model as C++ sources for a microcontroller: data, operators, arena, golden samples."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, words_of

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.runtimes.tflite_micro.session import MicroSession

ODD = {
    "AVERAGE_POOL_2D": "AveragePool2D", "CONV_2D": "Conv2D", "CUMSUM": "CumSum", "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "L2_POOL_2D": "L2Pool2D", "MAX_POOL_2D": "MaxPool2D", "PADV2": "PadV2", "SPLIT_V": "SplitV",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM", "ethos-u": "EthosU",
    "TFLite_Detection_PostProcess": "DetectionPostprocess",
}  # fmt: skip
"""Methods of `MicroMutableOpResolver` whose names are not the operator's in camel case.

Source: tensorflow/lite/micro/micro_mutable_op_resolver.h of tflite-micro.
"""

CTYPES = {
    "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t", "int64": "int64_t",
    "float32": "float", "bool": "bool",
}  # fmt: skip
PER_LINE = 16


class WriteSources(Step):
    """`model_data.h/.cc` (16 byte aligned), `model_ops.h` (resolver and arena), `golden_data.h/.cc`.

    Golden values are as the model's own tensors hold them, so that a product can compare byte by byte.
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("tflite-micro", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "sources"

    model: Artifact
    memory: Artifact
    """Of `MeasureArena`."""
    samples: Artifact
    """The samples of `report`."""
    predicted: Artifact
    """Predictions of this model on them."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the runtime declines the model."""
        arena = int(json.loads(work.path(self.memory).read_text(encoding="utf-8"))["memory.arena"]["value"])
        work.output.mkdir()
        with words_of("tflite-micro"):
            files = sources(work.path(self.model), arena, work.path(self.samples) / "inputs.npz", self.golden(work))
        for name, text in files.items():
            (work.output / name).write_text(text, encoding="utf-8")

    def golden(self, work: Workspace) -> int:
        """How many golden samples a package has."""
        import numpy as np

        with np.load(work.path(self.predicted) / "golden.npz") as archive:
            return min(len(archive[name]) for name in archive.files)


def sources(model: Path, arena: int, inputs: Path, count: int) -> dict[str, str]:
    """The files by name.

    Args:
        model: TFLite.
        arena: bytes that it needs.
        inputs: `.npz` of samples without batch axes.
        count: golden samples.

    Raises:
        Refused: an operator is one that no resolver of the runtime can be told of.
    """
    from edgebuild.runtimes.tflite_micro import session

    opened = session.open(str(model), {"raw_io": True})
    ops = sorted({name for name, _ in session.Graph(model.read_bytes()).ops})
    return {**data(model.read_bytes()), "model_ops.h": resolver(ops, arena), **golden(opened, inputs, count)}


def data(content: bytes) -> dict[str, str]:
    """The model as an array."""
    header = guarded(
        "MODEL_DATA_H_",
        "#include <cstddef>\n\nextern const unsigned char g_model_data[];\n"
        "extern const std::size_t g_model_data_size;\n",
    )
    body = (
        '#include "model_data.h"\n\nalignas(16) const unsigned char g_model_data[] = {\n'
        f"{rows(f'0x{byte:02x}' for byte in content)}}};\n"
        "const std::size_t g_model_data_size = sizeof(g_model_data);\n"
    )
    return {"model_data.h": header, "model_data.cc": body}


def resolver(ops: list[str], arena: int) -> str:
    """The resolver with the operators of the model and no others, and the arena that it needs."""
    added = "".join(f"  TF_LITE_ENSURE_STATUS(resolver.Add{method(op)}());\n" for op in ops)
    return guarded(
        "MODEL_OPS_H_",
        "#include <cstddef>\n\n"
        '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"\n\n'
        "// Bytes, as measured on a 64-bit processor; a 32-bit one needs no more.\n"
        f"constexpr std::size_t kModelArenaSize = {arena};\n\n"
        f"using ModelOpResolver = tflite::MicroMutableOpResolver<{len(ops)}>;\n\n"
        f"inline TfLiteStatus RegisterModelOps(ModelOpResolver& resolver) {{\n{added}  return kTfLiteOk;\n}}\n",
    )


def method(op: str) -> str:
    """`FULLY_CONNECTED` to `FullyConnected`.

    Raises:
        Refused: a custom operator, which the resolver has no method for.
    """
    if op in ODD:
        return ODD[op]
    if op != op.upper():
        why = f"the custom operator `{op}` has no method of the resolver."
        raise Refused(by="tflite-micro", why=why, fix="Replace it by operators of TFLite's own.")
    return "".join(word.capitalize() for word in op.split("_"))


def golden(opened: MicroSession, inputs: Path, count: int) -> dict[str, str]:
    """Golden samples as arrays, as the tensors hold them: `g_golden_input_0[samples][elements]`."""
    import numpy as np

    from edgebuild.runtimes.tflite_micro.session import offered

    with np.load(inputs) as archive:
        samples = {item["name"]: archive[item["name"]][:count] for item in opened.inputs}
    raw_in: list[list[np.ndarray]] = [[] for _ in opened.inputs]
    raw_out: list[list[np.ndarray]] = [[] for _ in opened.outputs]
    for row in range(count):
        feed = {name: array[row].reshape(shape_of(opened, name)) for name, array in samples.items()}
        for held, (name, item) in zip(raw_in, opened._in, strict=True):
            held.append(offered(feed[name], item))
        said = opened.run(feed)
        for held, item in zip(raw_out, opened.outputs, strict=True):
            held.append(said[item["name"]])
    named = {f"input_{index}": arrays for index, arrays in enumerate(raw_in)}
    named |= {f"output_{index}": arrays for index, arrays in enumerate(raw_out)}
    return golden_files(named, count)


def golden_files(named: dict[str, list[np.ndarray]], count: int) -> dict[str, str]:
    """The declarations and the arrays."""
    declared, defined = [], []
    for name, arrays in named.items():
        ctype, size = CTYPES[arrays[0].dtype.name], arrays[0].size
        signature = f"const {ctype} g_golden_{name}[{count}][{size}]"
        declared.append(f"extern {signature};\n")
        inner = "".join(f"{{\n{rows(literal(value) for value in array.ravel().tolist())}}},\n" for array in arrays)
        defined.append(f"{signature} = {{\n{inner}}};\n")
    header = f"#include <cstdint>\n\nconstexpr int kGoldenSamples = {count};\n\n{''.join(declared)}"
    body = '#include "golden_data.h"\n\n' + "\n".join(defined)
    return {"golden_data.h": guarded("GOLDEN_DATA_H_", header), "golden_data.cc": body}


def shape_of(opened: MicroSession, name: str) -> list[int]:
    """Of an input, with its batch axis."""
    shape: list[int] = next(item["shape"] for item in opened.inputs if item["name"] == name)
    return shape


def literal(value: float | int | bool) -> str:
    """In C++; floats so that they come back the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value!r}f" if isinstance(value, float) else f"{value}"


def rows(values: Iterable[str]) -> str:
    """So many to a line, each line ended."""
    listed = list(values)
    lines = (", ".join(listed[start : start + PER_LINE]) for start in range(0, len(listed), PER_LINE))
    return "".join(f"    {line},\n" for line in lines)


def guarded(name: str, text: str) -> str:
    """A header that may be included twice."""
    return f"#ifndef {name}\n#define {name}\n\n{text}\n#endif  // {name}\n"
