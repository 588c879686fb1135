"""What a handler sees of its node: inputs as variables or constants, attributes, and how to decline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from edgebuild.errors import Refused
from edgebuild.models.convert.onnx_to_mil.mil import FLOAT, Var, is_symbolic, mb, types
from edgebuild.models.convert.onnx_to_mil.refusal import refusal
from edgebuild.models.convert.onnx_to_mil.scope import Scope, Target, Value
from edgebuild.models.convert.onnx_to_mil.values import INT32, Array, Folded, Packed, native

Handler = Callable[["Context"], Any]
"""Node → its outputs: a `Value`, or a list of them."""
INTEGERS = {
    TensorProto.UINT8: (0, 255),
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT16: (0, 65535),
    TensorProto.INT16: (-32768, 32767),
}
"""Narrow integers; MIL computes with int32, so that results are wrapped to these ranges."""
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)


class Context:
    """One node while it is lowered."""

    def __init__(self, node: NodeProto, scope: Scope, target: Target, opset: int) -> None:
        self.node, self.scope, self.target, self.opset = node, scope, target, opset
        self.attributes = {item.name: item for item in node.attribute}

    @property
    def os(self) -> int:
        """IOS's number."""
        return self.target.os

    def has(self, k: int) -> bool:
        """Whether the node has its k-th input."""
        return k < len(self.node.input) and bool(self.node.input[k])

    def wants(self, k: int) -> bool:
        """Whether the node names its k-th output."""
        return k < len(self.node.output) and bool(self.node.output[k])

    def value(self, k: int) -> Value:
        """The k-th input as it is held; None where it is absent."""
        if not self.has(k):
            return None
        name = self.node.input[k]
        scope = self.scope.find(name)
        if scope is None:
            raise self.refuse(f"reads `{name}`, which no node makes")
        return scope.values[name]

    def a(self, name: str, default: Any = None) -> Any:
        """An attribute, text as `str`."""
        if name not in self.attributes:
            return default
        found = helper.get_attribute_value(self.attributes[name])
        if isinstance(found, bytes):
            return found.decode()
        return (
            [item.decode() if isinstance(item, bytes) else item for item in found] if isinstance(found, list) else found
        )

    def refuse(self, why: str, fix: str = "") -> Refused:
        """To be raised."""
        return refusal(self.node, why if why.endswith(".") else f"{why}.", fix)

    def constant(self, k: int) -> Array | None:
        """The k-th input where it is a constant, in its own type."""
        value = self.value(k)
        if isinstance(value, Packed):
            return value.floats()
        return value if isinstance(value, np.ndarray) else None

    def c(self, k: int) -> Array:
        """The k-th input, which must be a constant.

        Raises:
            Refused: it is computed at run time.
        """
        found = self.constant(k)
        if found is None:
            what = self.node.input[k] if self.has(k) else ""
            raise self.refuse(f"its input {k} (`{what}`) must be a constant, and is computed at run time")
        return found

    def ints(self, k: int) -> list[int]:
        """A constant of integers as a flat list."""
        return [int(item) for item in self.c(k).ravel()]

    def i(self, k: int) -> Any:
        """The k-th input as a MIL variable of float32, int32 or bool.

        Raises:
            Refused: it is absent, has more than five dimensions or a type that MIL lacks.
        """
        value = self.value(k)
        if value is None:
            raise self.refuse(f"lacks its input {k}")
        if isinstance(value, Folded):
            raise self.refuse(f"reads a tensor of {len(value.shape)} dimensions; Core ML has five at most")
        if isinstance(value, Var):
            return mb.cast(x=value, dtype="int32") if value.dtype in (types.int8, types.uint8) else value
        scope = self.scope.find(self.node.input[k])
        assert scope is not None
        emitted = scope.emitted
        name = self.node.input[k]
        if name not in emitted:
            emitted[name] = self.emit(value)
        return emitted[name]

    def raw(self, k: int) -> Any:
        """As `i`, but 8-bit variables as they are."""
        value = self.value(k)
        return value if isinstance(value, Var) else self.i(k)

    def emit(self, value: Array | Packed) -> Any:
        """A constant as a MIL variable."""
        if isinstance(value, Packed):
            return packed_var(value, self.os)
        if value.ndim > 5:
            raise self.refuse(f"reads a constant of {value.ndim} dimensions; Core ML has five at most")
        if value.size == 0:
            raise self.refuse("reads a tensor without elements, which Core ML does not have")
        try:
            return mb.const(val=native(np.asarray(value)))
        except ValueError as error:
            raise self.refuse(f"reads {error}") from error

    def f(self, k: int) -> Any:
        """The k-th input in float."""
        return self.to_float(self.i(k))

    def to_float(self, x: Any) -> Any:
        """Cast where it is none; integers so cast stay in float32 whatever the precision."""
        if x.dtype in FLOAT:
            return x
        cast = mb.cast(x=x, dtype="fp32")
        if x.dtype != types.bool:
            self.target.wide.append(cast.op)
        return cast

    def exact(self, *results: Any) -> None:
        """Keep the operations that made these in float32: they carry integers."""
        self.target.wide.extend(item.op for item in results)

    def kind(self, k: int) -> int:
        """ONNX's element type of the k-th input; 0 where it is not known."""
        if not self.has(k):
            return 0
        value = self.value(k)
        if isinstance(value, np.ndarray):
            return int(helper.np_dtype_to_tensor_dtype(value.dtype))
        found = self.scope.type_of(self.node.input[k])
        if found is not None and found.HasField("tensor_type") and found.tensor_type.elem_type:
            return int(found.tensor_type.elem_type)
        return kind_of(value)

    def shape(self, k: int) -> tuple[Any, ...]:
        """Of the k-th input; symbols for open axes."""
        value = self.value(k)
        return tuple(value.shape)

    def static(self, k: int, what: str = "") -> tuple[int, ...]:
        """Of the k-th input, which must have no open axis.

        Raises:
            Refused: it has one.
        """
        shape = self.shape(k)
        if any(is_symbolic(size) for size in shape):
            raise self.refuse(
                f"needs {what or 'fixed sizes'}, and input {k} has an open axis", "Fix the axis (`shapes`)."
            )
        return tuple(int(size) for size in shape)

    def axis(self, name: str, default: int, rank: int) -> int:
        """An attribute that counts axes, not negative."""
        return int(self.a(name, default)) % max(rank, 1)

    def narrow(self, result: Any, kind: int) -> Any:
        """Wrap an int32 result to the narrow integer type that ONNX gives it."""
        if kind not in INTEGERS or result.dtype != types.int32:
            return result
        low, high = INTEGERS[kind]
        shifted = mb.sub(x=result, y=np.int32(low)) if low else result
        wrapped = mb.mod(x=shifted, y=np.int32(high - low + 1))
        return mb.add(x=wrapped, y=np.int32(low)) if low else wrapped

    def like(self, result: Any, x: Any) -> Any:
        """Cast a float result back to the type of `x`; integers are rounded first."""
        if result.dtype == x.dtype or x.dtype in FLOAT:
            return result
        if x.dtype == types.bool:
            return mb.cast(x=result, dtype="bool")
        self.exact(result)
        rounded = mb.round(x=result)
        self.exact(rounded)
        return mb.cast(x=rounded, dtype="int32")


def kind_of(value: Value) -> int:
    """ONNX's element type for what MIL has."""
    if isinstance(value, Packed):
        return int(TensorProto.FLOAT)
    var = value.var if isinstance(value, Folded) else value
    if not isinstance(var, Var):
        return 0
    if var.dtype in FLOAT:
        return int(TensorProto.FLOAT)
    named = {types.bool: TensorProto.BOOL, types.int8: TensorProto.INT8, types.uint8: TensorProto.UINT8}
    return int(named.get(var.dtype, TensorProto.INT64))


def packed_var(value: Packed, os: int) -> Any:
    """Keep the small integers where the system can hold them, else write floats."""
    axis = value.axis
    if os >= 18 and (axis is None or value.bits == 4) and value.data.ndim:
        kind = types.nptype_from_builtin(types.string_to_builtin(packed_type(value)))
        return mb.constexpr_blockwise_shift_scale(
            data=value.data.astype(np.int8 if value.data.dtype.kind == "i" else np.uint8).astype(kind),
            scale=value.scale,
            offset=value.zero_point.astype(np.int8 if value.data.dtype.kind == "i" else np.uint8).astype(kind),
        )
    if os >= 16 and axis is not None and value.data.ndim:
        scalar = value.scale.size == 1
        return mb.constexpr_affine_dequantize(
            quantized_data=value.data,
            zero_point=value.zero_point.reshape(()) if scalar else value.zero_point.ravel(),
            scale=value.scale.reshape(()) if scalar else value.scale.ravel(),
            axis=np.int32(axis),
        )
    return mb.const(val=value.floats())


def packed_type(value: Packed) -> str:
    """MIL's name of the stored type."""
    return f"{'int' if value.data.dtype.kind == 'i' else 'uint'}{value.bits}"


def saturated(number: float) -> np.int32:
    """An int64 as int32, the ends of its range as those of int32."""
    return np.int32(max(INT32.min, min(INT32.max, int(number))))
