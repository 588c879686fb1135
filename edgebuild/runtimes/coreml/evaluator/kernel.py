"""One convolution as an ONNX Runtime session; its file is written here, so that the onnx package need not travel.

Field numbers are those of onnx.proto (ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, ValueInfoProto).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

OPSET = 13
IR_VERSION = 8
FLOAT = 1
INT, INTS = 2, 7
"""Types of attributes."""

Attributes = dict[str, list[int] | int]
Kernel = Callable[[np.ndarray], np.ndarray]


def kernel(kind: str, weight: np.ndarray, attributes: Attributes, threads: int) -> Kernel | None:
    """`Conv` or `ConvTranspose` with a fixed weight, None where ONNX Runtime is not installed.

    Args:
        kind: name of the ONNX operator.
        weight: float32, as ONNX lays it out.
        attributes: of the ONNX operator.
        threads: intra-op; they do not spin, for others work on the same processor.
    """
    try:
        import onnxruntime as ort
    except ImportError:
        return None
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    written = model(kind, weight, attributes)
    session = ort.InferenceSession(written, options, providers=["CPUExecutionProvider"])
    run, wanted = session.run, ["y"]

    def apply(x: np.ndarray) -> np.ndarray:
        found: np.ndarray = run(wanted, {"x": x})[0]
        return found

    return apply


def model(kind: str, weight: np.ndarray, attributes: Attributes) -> bytes:
    """The ONNX file of one operator from `x` to `y`."""
    node = text(1, "x") + text(1, "w") + text(2, "y") + text(4, kind)
    node += b"".join(block(5, attribute(name, value)) for name, value in attributes.items())
    channels = weight.shape[0] if kind == "ConvTranspose" else weight.shape[1] * groups(attributes)
    stored = b"".join(number(1, size) for size in weight.shape)
    stored += number(2, FLOAT) + text(8, "w") + block(9, np.ascontiguousarray(weight, np.float32).tobytes())
    graph = block(1, node) + text(2, "one") + block(5, stored)
    graph += block(11, value_info("x", weight.ndim, channels)) + block(12, value_info("y", weight.ndim, None))
    return number(1, IR_VERSION) + block(7, graph) + block(8, text(1, "") + number(2, OPSET))


def groups(attributes: Attributes) -> int:
    """Of channels."""
    found = attributes["group"]
    return found if isinstance(found, int) else found[0]


def attribute(name: str, value: list[int] | int) -> bytes:
    """An AttributeProto of one or several integers."""
    if isinstance(value, int):
        return text(1, name) + number(3, value) + number(20, INT)
    return text(1, name) + b"".join(number(8, item) for item in value) + number(20, INTS)


def value_info(name: str, rank: int, channels: int | None) -> bytes:
    """A ValueInfoProto of float32 with a known number of channels."""
    sizes = [text(2, f"{name}{axis}") for axis in range(rank)]
    if channels is not None:
        sizes[1] = number(1, channels)
    shape = b"".join(block(1, size) for size in sizes)
    return text(1, name) + block(2, block(1, number(1, FLOAT) + block(2, shape)))


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value)


def text(field: int, value: str) -> bytes:
    """A string field."""
    return block(field, value.encode())


def block(field: int, value: bytes) -> bytes:
    """A field with a length: bytes, or a message."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
