"""Inputs that a spec holds constant: their values as arrays, and the interface without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, ClassVar

from edgebuild.core.dossier import Tensor
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import DataError, Problem, did_you_mean
from edgebuild.models.inspect.facts import ModelFacts, bound

if TYPE_CHECKING:
    import numpy as np

Number = bool | int | float
Value = Number | tuple[Number, ...]
Constants = dict[str, Value]
"""By the model's input names: one number for every element, or all elements in the order of rows."""


class DropConstants(Step):
    """Write `model.json` again without the inputs that are constant."""

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "model.json"

    model: Artifact
    """`model.json`."""
    constants: Constants
    complete: bool = True
    """Whether the model must have every one; a candidate of the user's own may have folded them itself."""

    def run(self, work: Workspace) -> None:
        """Raises: DataError: an input is not there or cannot hold its value; all that are wrong."""
        facts = ModelFacts.model_validate_json(work.path(self.model).read_bytes())
        problems = wrong(self.constants, facts.inputs, self.complete)
        if problems:
            raise DataError(*problems)
        kept = tuple(tensor for tensor in facts.inputs if tensor.name not in self.constants)
        text = facts.model_copy(update={"inputs": kept}).model_dump_json(indent=1)
        work.output.write_text(text + "\n", encoding="utf-8")


def wrong(constants: Mapping[str, Value], inputs: Sequence[Tensor], complete: bool) -> list[Problem]:
    """Why constants do not fit a model, one problem for each."""
    names = [tensor.name for tensor in inputs]
    problems = []
    for name in constants:
        if name not in names and complete:
            what = f"the model has no such input{did_you_mean(name, names) or '.'}"
            fix = f"Its inputs are {', '.join(f'`{known}`' for known in names)}."
            problems.append(Problem(f"model.inputs.{name}", what, fix))
    if complete and set(names) <= set(constants):
        fix = "Leave one to the samples."
        problems.append(Problem("model.inputs", "every input of the model is constant.", fix))
    for tensor in inputs:
        try:
            arrays(constants, [tensor], {})
        except ValueError as error:
            where = f"model.inputs.{tensor.name}.constant"
            problems.append(Problem(where, f"{error}.", "Write a number, or a list of all elements."))
    return problems


def arrays(constants: Mapping[str, Value], inputs: Sequence[Tensor], sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The constants that a model has, in its types and shapes.

    Args:
        constants: by input.
        inputs: of the model.
        sizes: of named axes.

    Raises:
        ValueError: a shape is open, has another number of elements, or the type cannot hold a value.
    """
    return {
        tensor.name: array_of(constants[tensor.name], bound(tensor.shape, sizes), tensor.dtype)
        for tensor in inputs
        if tensor.name in constants
    }


def array_of(value: Value, shape: Sequence[int | str], dtype: str) -> np.ndarray:
    """One constant; see `arrays`."""
    import numpy as np

    opened = [size for size in shape if isinstance(size, str)]
    if opened:
        raise ValueError(f"the input's axis `{opened[0]}` has no size; give it one in `model.shapes`")
    sizes = [int(size) for size in shape]
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        raise ValueError(f"the input's type {dtype} takes no numbers") from None
    given = np.asarray(value)
    with np.errstate(all="ignore"):
        cast = given.astype(wanted) if wanted.kind in "biuf" else None
    exact = cast is not None and np.array_equal(cast.astype(np.float64), given.astype(np.float64))
    rounds = cast is not None and wanted.kind == "f" and bool(np.isfinite(cast).all())
    if cast is None or not (exact or rounds):
        raise ValueError(f"the input's type {dtype} cannot hold {value}")
    if given.ndim and given.size != prod(sizes):
        raise ValueError(f"{given.size} values do not fill the input's shape {sizes}")
    return np.ascontiguousarray(cast).reshape(sizes) if given.ndim else np.full(sizes, cast, wanted)
