"""Shapes and tolerances as the command lines of TensorRT's tools want them, in double quotes for a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from edgebuild.core.dossier import Tensor

ENDS = ("min", "opt", "max")
ESCAPED = re.compile(r'([\\"$`])')


def shape_arguments(inputs: Sequence[Tensor], axes: Mapping[str, Sequence[int]]) -> dict[str, list[str]]:
    """The range of shapes that an engine is to take; nothing where every axis is fixed.

    Given:   x (1, seq, 4), axes {seq: [1, 64, 512]}
    Result:  trtexec     "--minShapes=x:1x1x4" "--optShapes=x:1x64x4" "--maxShapes=x:1x512x4"
             polygraphy  --trt-min-shapes "x:[1,1,4]" --trt-opt-shapes "x:[1,64,4]" --trt-max-shapes "x:[1,512,4]"

    An axis without a range becomes a variable that the shell asks for.

    Args:
        inputs: of the model.
        axes: least, usual and greatest size of an axis by its name.
    """
    dynamic = [tensor for tensor in inputs if any(not fixed(size) for size in tensor.shape)]
    found: dict[str, list[str]] = {"trtexec": [], "polygraphy": []}
    for row, end in enumerate(ENDS if dynamic else ()):
        sizes = [(tensor.name, [size_of(tensor.name, size, axes, row) for size in tensor.shape]) for tensor in dynamic]
        joined = ",".join(f"{exec_name(name)}:{'x'.join(shape)}" for name, shape in sizes)
        found["trtexec"].append(f'"--{end}Shapes={joined}"')
        each = " ".join(f'"{escaped(name)}:[{",".join(shape)}]"' for name, shape in sizes)
        found["polygraphy"].append(f"--trt-{end}-shapes {each}")
    return found


def tolerance_arguments(tolerance: Mapping[str, float]) -> list[str]:
    """`"y:0.05"`: the largest absolute difference by output, for polygraphy."""
    return [f'"{escaped(name)}:{most:g}"' for name, most in tolerance.items()]


def fixed(size: int | str) -> bool:
    """Whether an axis has one size."""
    return isinstance(size, int) and size >= 0


def size_of(tensor: str, size: int | str, axes: Mapping[str, Sequence[int]], row: int) -> str:
    """A size, or a variable of the shell."""
    if fixed(size):
        return f"{size}"
    if isinstance(size, str) and size in axes:
        return f"{axes[size][row]}"
    axis = size if isinstance(size, str) else f"{tensor}_axis"
    variable = re.sub(r"\W", "_", axis, flags=re.ASCII)
    variable = variable if variable[:1].isalpha() else f"axis_{variable}"
    return f"${{{variable}:?set it to a size}}"


def exec_name(name: str) -> str:
    """`trtexec` reads a name with a colon or comma in single quotes."""
    return f"'{escaped(name)}'" if re.search(r"[^\w./-]", name) else escaped(name)


def escaped(text: str) -> str:
    """A text inside double quotes of a shell."""
    return ESCAPED.sub(r"\\\1", text)
