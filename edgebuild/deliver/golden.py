"""Golden samples: what travels with a model to show that it still says the same elsewhere."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from collections.abc import Sequence as Several
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.core.dossier import SOURCE, CandidateFile, Dossier, Sequence, Tensor
from edgebuild.core.records import Record
from edgebuild.data.arrays import load_arrays, save_arrays
from edgebuild.errors import Problem

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray]

FOLDER = "golden"
INPUTS = f"{FOLDER}/inputs.npz"
OUTPUTS = f"{FOLDER}/outputs.npz"

FLOAT = 1e-2
"""Kernels of another instruction set add in another order, and a logarithm or a division by a small number makes more
of it. Measured between ONNX Runtime's fused and plain kernels, float32: 3e-7 for a small CNN, 6e-3 for Basic Pitch."""
REDUCED = 5e-2
"""With fewer bits a value at the edge of a step falls on either side, and the layers after it see the difference.
Measured likewise for small static INT8 CNNs: 5e-3, one step of 255; ten times that for deeper ones."""
NOISE = 1e-6
"""Smallest difference that counts where all golden values are about 0."""

WORDS = {
    FLOAT: "float kernels of other instruction sets add in another order",
    REDUCED: "with fewer bits a value at the edge of a step may fall on either side on another instruction set",
}


class Golden(Record):
    """Where the golden samples lie and how close another machine must come."""

    inputs: str
    outputs: str
    samples: int
    tolerance: dict[str, float]
    """By output: the largest absolute difference; 0 for labels and other whole numbers."""
    why: str
    """The reason for that much."""
    kept: tuple[str, ...] = ()
    """States that the runtime keeps itself from one sample to the next: they are neither input nor output."""


def write_golden(dossier: Dossier, candidate: CandidateFile, samples: Path, predicted: Path, folder: Path) -> Golden:
    """The first samples and what the candidate says of them, each as the runtime takes and gives it.

    Every array has the shape (samples, *shape of the tensor): `inputs["image"][0]` is what one call is fed with. Of a
    model that sees one step at a time they are the first steps of one sample, each with the states before it.

    Args:
        dossier: of the target.
        candidate: the one in the package.
        samples: folder with `inputs.npz`, without batch axes.
        predicted: folder with `golden.npz`, the raw outputs of the first of them; of steps also `golden-inputs.npz`.
        folder: of the package.
    """
    outputs = load_arrays(predicted / "golden.npz")
    count = min(len(array) for array in outputs.values())
    (folder / FOLDER).mkdir()
    if dossier.sequence is None:
        inputs = {name: array[:count] for name, array in load_arrays(samples / "inputs.npz").items()}
        save_arrays(folder / INPUTS, as_fed(inputs, dossier.inputs))
    else:
        save_arrays(folder / INPUTS, load_arrays(predicted / "golden-inputs.npz"))
    save_arrays(folder / OUTPUTS, as_fed(outputs, dossier.outputs))
    part = relative_tolerance(dossier, candidate)
    return Golden(
        inputs=INPUTS,
        outputs=OUTPUTS,
        samples=count,
        kept=kept_by_runtime(dossier.sequence, load_arrays(folder / INPUTS)),
        tolerance={name: tolerance(array, part) for name, array in sorted(outputs.items())},
        why=f"{part:g} of the largest golden value of the output: {WORDS[part]}.",
    )


def kept_by_runtime(sequence: Sequence | None, fed: Collection[str]) -> tuple[str, ...]:
    """The states that a model is not fed."""
    return tuple(state.input.name for state in sequence.states if state.input.name not in fed) if sequence else ()


def write_raw(golden: Golden, folder: Path) -> None:
    """The golden samples as plain little-endian numbers, with an index, for languages that read no `.npz`.

    Args:
        golden: as `write_golden` wrote it.
        folder: of the package.
    """
    index: dict[str, object] = {"tolerance": golden.tolerance}
    for side, file in (("inputs", golden.inputs), ("outputs", golden.outputs)):
        rows = {}
        for number, (name, array) in enumerate(load_arrays(folder / file).items()):
            place = f"{FOLDER}/{side}-{number}.bin"
            (folder / place).write_bytes(array.astype(array.dtype.newbyteorder("<")).tobytes())
            rows[name] = {"file": place, "dtype": array.dtype.name, "shape": list(array.shape)}
        index[side] = rows
    (folder / FOLDER / "raw.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def as_fed(arrays: Arrays, tensors: Several[Tensor]) -> dict[str, np.ndarray]:
    """Samples with the batch axis that the model has and they have not."""
    axes = {tensor.name: len(tensor.shape) for tensor in tensors}
    return {name: array[:, None] if axes.get(name) == array.ndim else array for name, array in sorted(arrays.items())}


def as_samples(arrays: Arrays, tensors: Several[Tensor]) -> dict[str, np.ndarray]:
    """The same without it: what a runner takes."""
    axes = {tensor.name: len(tensor.shape) for tensor in tensors}
    return {
        name: array[:, 0] if axes.get(name) == array.ndim - 1 and array.shape[1] == 1 else array
        for name, array in arrays.items()
    }


def relative_tolerance(dossier: Dossier, candidate: CandidateFile) -> float:
    """`FLOAT` for a source that computes in float32, else `REDUCED`: how a user's own candidate computes is unknown."""
    account = candidate.account
    integers = account is not None and account.integer_ops + account.conversions > 0
    halves = any(tensor.dtype == "float16" for tensor in (*dossier.inputs, *dossier.outputs))
    return FLOAT if candidate.name == SOURCE and not integers and not halves else REDUCED


def tolerance(golden: np.ndarray, part: float) -> float:
    """Largest absolute difference for one output, to three digits.

    Labels and counts must be equal; integers of 8 bits are quantized values and get their part.
    """
    import numpy as np

    exact = golden.dtype.kind == "b" or (golden.dtype.kind in "iu" and golden.dtype.itemsize > 1)
    if exact:
        return 0.0
    values = np.abs(golden[np.isfinite(golden)].astype(np.float64))
    return float(f"{max(part * values.max(initial=0.0), NOISE):.3g}")


def compare(wanted: Arrays, found: Arrays, allowed: Mapping[str, float], runtime: str, fix: str) -> list[Problem]:
    """A problem for each golden output that is missing, of another shape, or further off than it may be.

    Args:
        wanted: golden outputs by name.
        found: what the runtime says now.
        allowed: largest absolute difference by name.
        runtime: with its version, for the sentence.
        fix: for every problem.
    """
    import numpy as np

    problems = []
    for name, golden in wanted.items():
        where, limit = f"{OUTPUTS}: {name}", allowed.get(name, 0.0)
        if name not in found:
            problems.append(Problem(where, f"{runtime} gives no such output; it gives {', '.join(found)}.", fix))
            continue
        if golden.size != found[name].size:
            what = f"{runtime} gives the shape {list(found[name].shape)}, golden is {list(golden.shape)}."
            problems.append(Problem(where, what, fix))
            continue
        was, now = golden.astype(np.float64).ravel(), found[name].astype(np.float64).ravel()
        # NaN where NaN was and the same infinities are no difference.
        far = ~np.isclose(now, was, rtol=0.0, atol=limit, equal_nan=True)
        if far.any():
            with np.errstate(invalid="ignore"):
                most = np.nan_to_num(np.abs(now - was)[far], nan=np.inf).max()
            what = f"{runtime} is off by up to {most:.3g} in {far.sum()} of {far.size} values, {limit:.3g} is allowed."
            problems.append(Problem(where, what, fix))
    return problems
