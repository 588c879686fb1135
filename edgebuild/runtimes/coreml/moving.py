"""A saved ML program with one of its inputs and outputs made a state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

FLOAT16, FLOAT32 = 10, 11
"""Data types of MIL.proto."""
PASSING = ("cast", "identity")
"""Operators that hand a value on."""


def move_inside(function: Any, block: Any, inner: str, given: str, taken: set[str]) -> None:
    """Read a state before all operations and write it after them.

    The form is that in which coremltools saves `mb.read_state` and `mb.coreml_update_state`.

    Args:
        function: of MIL.proto, changed in place.
        block: the operations of its opset.
        inner: the input that becomes the state.
        given: the output that it is fed from; it stays.
        taken: every name in the function; new ones are added.
    """
    place = next(item for item in function.inputs if item.name == inner)
    half = place.type.tensorType.dataType == FLOAT16
    sizes = [dim.constant.size for dim in place.type.tensorType.dimensions]
    place.type.stateType.wrappedType.CopyFrom(tensor_type(FLOAT16, sizes))
    value = unused(f"{inner}_held", taken)
    first = [operation("read_state", {"input": inner}, value, tensor_type(FLOAT16, sizes))]
    rest = list(block.operations)
    whole = value if half else unused(f"{inner}_float32", taken)
    rename(rest, {inner: whole})
    if not half:
        rest = without_casts(rest, whole, value, block.outputs)
        first += cast(value, whole, FLOAT32, sizes, taken)
    last, data = narrow(rest, given, sizes, taken)
    last += [operation("write_state", {"input": inner, "data": data})]
    for op in (first[0], last[-1]):
        name_it(op, unused(f"{inner}_{op.type}", taken))
    del block.operations[:]
    block.operations.extend([*first, *rest, *last])


def drop(block: Any, outputs: Collection[str]) -> None:
    """Leave outputs out, and what only handed them on."""
    block.outputs[:] = [name for name in block.outputs if name not in outputs]
    used = read(block.operations) | set(block.outputs)
    rest = [op for op in block.operations if op.type not in PASSING or named(op) in used]
    used = read(rest)
    rest = [op for op in rest if not named(op).endswith("_dtype") or op.type != "const" or named(op) in used]
    del block.operations[:]
    block.operations.extend(rest)


def without_casts(ops: list[Any], whole: str, value: str, kept: Iterable[str]) -> list[Any]:
    """The operations without those that make float16 of a state's float32 again."""
    again = [op for op in ops if op.type == "cast" and source(op) == whole and half_of(op) and named(op) not in kept]
    rename(ops, {named(op): value for op in again})
    return [op for op in ops if op not in again]


def exact(op: Any, read: int) -> bool:
    """Whether an operation of `PASSING` hands on all of a value of that type, and no float16 was made of float32."""
    return bool(op.type == "identity" or (read == FLOAT16 and op.outputs[0].type.tensorType.dataType == FLOAT32))


def half_source(ops: list[Any], given: str) -> str:
    """The float16 value that an output is made of, by handing it on alone; "" where it is computed otherwise."""
    types = {out.name: out.type.tensorType.dataType for op in ops for out in op.outputs}
    makers = {named(op): op for op in ops if op.type in PASSING}
    while given in makers and source(makers[given]) in types and exact(makers[given], types[source(makers[given])]):
        given = source(makers[given])
    return given if types.get(given) == FLOAT16 else ""


def narrow(ops: list[Any], given: str, sizes: list[int], taken: set[str]) -> tuple[list[Any], str]:
    """What makes float16 of a state's next value, and the name of that."""
    half = half_source(ops, given)
    if half:
        return [], half
    name = unused(f"{given}_float16", taken)
    return cast(given, name, FLOAT16, sizes, taken), name


def cast(x: str, name: str, kind: int, sizes: list[int], taken: set[str]) -> list[Any]:
    """A cast, and the constant that names its type."""
    from coremltools.converters.mil.backend.mil.helper import create_scalar_value, create_valuetype_scalar

    word = create_scalar_value("fp16" if kind == FLOAT16 else "fp32")
    dtype = unused(f"{name}_dtype", taken)
    told = operation("const", {}, dtype, create_valuetype_scalar(word.type.tensorType.dataType))
    told.attributes["val"].CopyFrom(word)
    made = operation("cast", {"x": x, "dtype": dtype}, name, tensor_type(kind, sizes))
    for op in (told, made):
        name_it(op, named(op))
    return [told, made]


def operation(kind: str, inputs: Mapping[str, str], output: str = "", made: Any = None) -> Any:
    """An operation without its name."""
    from coremltools.proto import MIL_pb2

    op = MIL_pb2.Operation(type=kind)
    for key, name in inputs.items():
        op.inputs[key].arguments.add(name=name)
    if output:
        op.outputs.add(name=output, type=made)
    return op


def name_it(op: Any, name: str) -> None:
    """Give an operation its name."""
    from coremltools.converters.mil.backend.mil.helper import create_scalar_value

    op.attributes["name"].CopyFrom(create_scalar_value(name))


def tensor_type(kind: int, sizes: list[int]) -> Any:
    """A tensor of fixed shape as MIL.proto has it."""
    from coremltools.converters.mil.backend.mil.helper import create_valuetype_tensor

    return create_valuetype_tensor(sizes, kind)


def named(op: Any) -> str:
    """What an operation of one output makes; "" of any other."""
    return str(op.outputs[0].name) if len(op.outputs) == 1 else ""


def source(op: Any) -> str:
    """What an operation of `PASSING` reads."""
    return str(op.inputs["x"].arguments[0].name)


def half_of(op: Any) -> bool:
    """Whether an operation makes float16."""
    return bool(op.outputs[0].type.tensorType.dataType == FLOAT16)


def read(ops: Iterable[Any]) -> set[str]:
    """Every name that operations read, those of inner blocks too."""
    found = {item.name for op in every(ops) for given in op.inputs.values() for item in given.arguments}
    return found | {name for op in every(ops) for block in op.blocks for name in block.outputs}


def rename(ops: Iterable[Any], new: Mapping[str, str]) -> None:
    """Let operations read other names."""
    for op in every(ops):
        for given in op.inputs.values():
            for item in given.arguments:
                if item.name in new:
                    item.name = new[item.name]
        for block in op.blocks:
            block.outputs[:] = [new.get(name, name) for name in block.outputs]


def every(ops: Iterable[Any]) -> Iterator[Any]:
    """Operations, and those of the blocks inside."""
    for op in ops:
        yield op
        for block in op.blocks:
            yield from every(block.operations)


def every_name(function: Any, block: Any) -> Iterator[str]:
    """Every name that is given in a function."""
    yield from (item.name for item in function.inputs)
    for op in every(block.operations):
        yield from (item.name for item in op.outputs)
        for inner in op.blocks:
            yield from (item.name for item in inner.inputs)


def unused(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where it is given already; it is taken from now on."""
    number, found = 1, name
    while found in taken:
        number, found = number + 1, f"{name}_{number}"
    taken.add(found)
    return found
