"""Whether arrays of samples fit a model's inputs, and how they are brought to its form without changing a value."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgebuild.core.dossier import Tensor
from edgebuild.data.contract import BARE
from edgebuild.data.samples import SampleSet
from edgebuild.data.sequences import kept, no_axis, runs, uneven
from edgebuild.errors import Problem, did_you_mean

if TYPE_CHECKING:
    import numpy as np

UNNAMED = (BARE, "x", "X", "input", "data", "image", "images")
"""Names that stand for the only input of a model."""

Findings = tuple[list[Problem], list[str]]


def fit(
    samples: SampleSet, inputs: tuple[Tensor, ...], bind: dict[str, str], steps: dict[str, int] | None = None
) -> tuple[dict[str, np.ndarray] | None, list[Problem], list[str]]:
    """The inputs by the model's names, types and axes; None where something does not fit.

    Args:
        samples: of one split.
        inputs: the model's; shapes with the batch axis.
        bind: model input to key of the samples' inputs.
        steps: axis of a sample along which the steps of a model input lie; in what is returned it is axis 1.

    Returns:
        The arrays, the problems (`where` names the input), and sentences about what was changed or looks odd.
    """
    names, problems = _matched(samples, inputs, bind)
    notes: list[str] = []
    fitted: dict[str, np.ndarray] = {}
    for tensor in inputs:
        if tensor.name not in names:
            continue
        array = samples.inputs[names[tensor.name]]
        axis = (steps or {}).get(tensor.name)
        shaped, wrong, said = (
            _shaped(array, tensor, samples.layout) if axis is None else _stepped(array, tensor, axis, samples)
        )
        cast, mistyped, retyped = _typed(shaped, tensor)
        problems += [*wrong, *mistyped, *_unsound(shaped, tensor.name, samples)]
        notes += [*said, *retyped]
        fitted[tensor.name] = cast
    if not problems:
        problems = uneven({name: fitted[name].shape[1] for name in steps or {}})
    return (None if problems else fitted), problems, notes


def _matched(
    samples: SampleSet, inputs: tuple[Tensor, ...], bind: dict[str, str]
) -> tuple[dict[str, str], list[Problem]]:
    """Model input to key of the samples."""
    given = list(samples.inputs)
    wanted = [tensor.name for tensor in inputs]
    if len(wanted) == 1 and len(given) == 1 and given[0] in UNNAMED:
        return {wanted[0]: given[0]}, []
    names = {name: bind.get(name, name) for name in wanted}
    problems = []
    for key in names.values():
        if key not in given:
            near = did_you_mean(key, given) or "."
            what = f"the samples have no such input{near} They have {_listed(given)}."
            problems.append(
                Problem(f"input `{key}`", what, f"Name the arrays like the model's inputs: {_listed(wanted)}.")
            )
    for key in given:
        if key not in names.values():
            what = f"the model has no such input{did_you_mean(key, wanted) or '.'}"
            problems.append(Problem(f"input `{key}`", what, f"Leave it out; the model's inputs are {_listed(wanted)}."))
    return {name: key for name, key in names.items() if key in given}, problems


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _shaped(array: np.ndarray, tensor: Tensor, layout: str) -> tuple[np.ndarray, list[Problem], list[str]]:
    """The array with the model's axes, less the batch axis."""
    import numpy as np

    shape, model = array.shape[1:], tensor.shape
    if _fits(shape, model[1:]):
        return array, [], []
    if len(shape) == len(model) and shape[:1] == (1,) and _fits(shape[1:], model[1:]):
        return array[:, 0], [], [f"Input `{tensor.name}`: the samples' leading axis of 1 was taken for the batch axis."]
    if _fits(shape, model) and not (isinstance(model[0], str) and model[0].lower() in ("batch", "n")):
        return array, [], []
    if len(shape) == 3 and layout == "HWC" and _fits((shape[2], *shape[:2]), model[1:]):
        turned = np.ascontiguousarray(np.moveaxis(array, -1, 1))
        return turned, [], [f"Input `{tensor.name}`: the images were turned to channels first."]
    expected = f"({', '.join(map(str, model[1:]))})"
    what = f"samples have shape ({', '.join(map(str, shape))}), the model takes {expected} after its batch axis."
    return array, [Problem(f"input `{tensor.name}`", what, _shape_fix(shape, model[1:]))], []


def _stepped(
    array: np.ndarray, tensor: Tensor, axis: int, samples: SampleSet
) -> tuple[np.ndarray, list[Problem], list[str]]:
    """Sequences as (sample, step, what one run of the model takes)."""
    moved = runs(array, axis, max(samples.lengths, default=None))
    if moved is None:
        return array, [no_axis(tensor, axis, array.shape[1:])], []
    each = moved.reshape(-1, *moved.shape[2:])
    shaped, wrong, said = _shaped(each, tensor, "")
    whole = kept(each, tensor, axis) if wrong else None
    if whole is not None:
        shaped, still, said = _shaped(whole, tensor, "")
        wrong = wrong if still else []
    if wrong:
        return array, [replace(item, what=f"one step of {item.what}") for item in wrong], []
    return shaped.reshape(*moved.shape[:2], *shaped.shape[1:]), [], said


def _fits(shape: tuple[int, ...], model: tuple[int | str, ...]) -> bool:
    return len(shape) == len(model) and all(
        not isinstance(want, int) or want in (have, -1) for have, want in zip(shape, model, strict=True)
    )


def _shape_fix(shape: tuple[int, ...], model: tuple[int | str, ...]) -> str:
    if len(shape) == 3 and _fits((shape[2], *shape[:2]), model):
        return "The model wants channels first (NCHW) and the samples have them last: yield `array.transpose(2, 0, 1)`."
    if len(shape) == 3 and _fits((*shape[1:], shape[0]), model):
        return "The model wants channels last (NHWC) and the samples have them first: yield `array.transpose(1, 2, 0)`."
    if _fits((*shape, 1), model):
        return "The model has a channel axis: yield `array[..., None]`."
    if _fits((1, *shape), model):
        return "The model has a channel axis: yield `array[None]`."
    sizes = [size for size in model if isinstance(size, int)]
    if len(sizes) == len(model) and _product(shape) == _product(tuple(sizes)):
        return f"The number of values is right: yield `array.reshape({', '.join(map(str, sizes))})`."
    return "Yield arrays of the model's shape (crop, pad or resize); each sample without a batch axis."


def _product(sizes: tuple[int, ...]) -> int:
    import math

    return math.prod(sizes)


def _typed(array: np.ndarray, tensor: Tensor) -> tuple[np.ndarray, list[Problem], list[str]]:
    """The array in the model's type, where that changes no value but a float's last digits."""
    import numpy as np

    try:
        wanted = np.dtype(tensor.dtype)
    except TypeError:
        return array, [], [f"Input `{tensor.name}`: the type {tensor.dtype} of the model was not checked."]
    if array.dtype == wanted:
        return array, [], []
    said = f"Input `{tensor.name}`: the samples' {array.dtype} was cast to the model's {wanted}"
    with np.errstate(all="ignore"):
        cast = array.astype(wanted)
    floats = array.dtype.kind == "f" and wanted.kind == "f"
    overflow = floats and not np.array_equal(np.isfinite(cast), np.isfinite(array))
    if (floats and not overflow) or np.array_equal(cast, array):
        return cast, [], [said + _range_note(array, wanted)]
    what = f"samples are {array.dtype}, the model takes {wanted}, which cannot hold their values."
    fix = f"Yield `{wanted}` in the loader, with the model's own scaling."
    return array, [Problem(f"input `{tensor.name}`", what, fix)], []


def _range_note(array: np.ndarray, wanted: np.dtype) -> str:
    if array.dtype.kind not in "iu" or wanted.kind != "f":
        return "."
    low, high = array.min(), array.max()
    return (
        f"; its values are {low}..{high}: if the model was trained on 0..1, scale them in the loader or the interface."
    )


def _unsound(array: np.ndarray, name: str, samples: SampleSet) -> list[Problem]:
    import numpy as np

    if array.dtype.kind != "f" or np.isfinite(array).all():
        return []
    rows = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    shown = ", ".join(f"`{samples.ids[row]}`" for row in rows[:5])
    what = f"NaN or infinity in {len(rows)} samples: {shown}{', …' if len(rows) > 5 else ''}."
    return [Problem(f"input `{name}`", what, "Drop these samples, or mend what reads them.")]
