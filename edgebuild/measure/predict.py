"""Run a model over a split and keep what it says; metrics read it again and run no model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.core.dossier import Call
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import Problem, UserCodeError

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray]

GOLDEN = 3
"""Samples whose raw outputs are kept apart: packages ship them."""
GOLDEN_STEPS = 8
"""Steps of the first sample instead, where samples are sequences."""

FIRST_CHUNK = 16
CHUNK_BYTES = 256 * 2**20
"""Raw outputs that may lie on the disk at once while a user's function reduces them; the first chunk tells how many
samples that is."""

OF_THE_RUN = frozenset({"wall_s", "cpu_s", "involuntary_switches", "loadavg"})
"""Parts of a raw result that differ from run to run; equal predictions must have equal bytes."""


class Predict(Step):
    """Outputs of a model on every sample of a split.

    Writes the folder `outputs.npz` (by output name, axis 0 the sample, native type, or what `decode` kept),
    `golden.npz` (raw outputs of the first samples) and `result.json`.

    Where samples are sequences (`call.loop`), axis 1 is the step, outputs that feed states are left out, and golden are
    the first steps of the first sample: `golden-inputs.npz` holds what each was fed, `golden.npz` all it said.

    `decode(outputs)` gets the raw outputs of one sample by name, without a batch axis, and returns an array or a
    mapping of arrays. Arrays of several lengths are padded with NaN along their first axis.
    """

    version: ClassVar[int] = 3
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    preload: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "predictions"
    portable: ClassVar[bool] = False
    timeout_s: ClassVar[float] = 7200.0

    model: Artifact
    call: Call
    samples: Artifact
    decode: UserCode | None = None
    versions: dict[str, str] = {}
    """Distributions of the runtime by version; another version may predict otherwise."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the runtime declines the model. StepError: it died. UserCodeError: `decode` is at fault."""
        model, inputs = work.path(self.model), work.path(self.samples) / "inputs.npz"
        if self.decode is None:
            result = predict(model, self.call, inputs, work.output, self.timeout_s)
        else:
            from edgebuild.data.usercode import load

            keep = load(self.decode)
            where = f"{self.decode.file}:{self.decode.function}"
            result = predict_decoded(model, self.call, inputs, work, Decoder(keep, where, self.decode))
        write_result(result, work.output)


def predict(model: Path, call: Call, inputs: Path, output: Path, timeout_s: float = 7200.0) -> dict[str, Any]:
    """Run the model over all samples in a process of its own; the folder `output` gets the raw outputs."""
    from edgebuild.devices.links.base import Job, JobModel
    from edgebuild.devices.links.local import LocalLink

    job = Job(
        what="predict",
        models=(JobModel(path=str(model), call=call),),
        inputs=str(inputs),
        parameters={"golden": GOLDEN_STEPS if call.loop else GOLDEN},
    )
    return LocalLink().execute(job, output, timeout_s)


def write_result(result: dict[str, Any], output: Path) -> None:
    """The raw result without what differs from run to run."""
    kept = {name: value for name, value in result.items() if name not in OF_THE_RUN}
    (output / "result.json").write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


class Decoder:
    """The user's function, with its contract checked and its place known."""

    def __init__(self, function: Callable[..., Any], where: str, code: UserCode) -> None:
        """Args: where: `file.py:function` as typed. code: what it consists of."""
        self.function, self.where, self.code = function, where, code

    def __call__(self, raw: Arrays, lengths: Sequence[int]) -> Iterator[Arrays]:
        """What is kept of each sample of a chunk of raw outputs; `lengths` are their steps, where they differ.

        Raises:
            UserCodeError: it returns no array, or other names than for the samples before.
        """
        import numpy as np

        count = len(next(iter(raw.values()))) if raw else 0
        for index in range(count):
            steps = slice(int(lengths[index]) if len(lengths) else None)
            kept = self.function(
                {name: array[index][steps] if len(lengths) else array[index] for name, array in raw.items()}
            )
            mapping = kept if isinstance(kept, dict) else {"decoded": kept}
            try:
                yield {str(name): np.asarray(value) for name, value in mapping.items()}
            except ValueError as error:
                raise self.broken(f"sample {index}: what it returns is no array: {error}") from error

    def broken(self, what: str) -> UserCodeError:
        """Its contract, with the fix."""
        return UserCodeError(
            Problem(self.where, what, "Return one numpy array, or a mapping of the same names for every sample.")
        )


def predict_decoded(model: Path, call: Call, inputs: Path, work: Workspace, decode: Decoder) -> dict[str, Any]:
    """Predict chunk by chunk and keep only what `decode` returns."""
    import numpy as np

    from edgebuild.data.samples import LENGTHS

    with np.load(inputs) as archive:
        samples = {name: archive[name] for name in archive.files}
    count = len(next(iter(samples.values())))
    kept: list[Arrays] = []
    result: dict[str, Any] = {}
    work.output.mkdir(parents=True)
    start, size = 0, FIRST_CHUNK
    while start < count:
        chunk = work.scratch / f"chunk-{start}"
        chunk.mkdir()
        save(chunk / "inputs.npz", {name: array[start : start + size] for name, array in samples.items()})
        result = predict(model, call, chunk / "inputs.npz", chunk / "out")
        with np.load(chunk / "out" / "outputs.npz") as archive:
            raw = {name: archive[name] for name in archive.files}
        if start == 0:
            for golden in (chunk / "out").glob("golden*.npz"):
                golden.rename(work.output / golden.name)
        (chunk / "out" / "outputs.npz").unlink()
        kept.extend(decode(raw, samples[LENGTHS][start : start + size] if LENGTHS in samples else ()))
        start += size
        per_sample = sum(array.nbytes for array in raw.values()) / max(1, len(next(iter(raw.values()))))
        size = max(FIRST_CHUNK, int(CHUNK_BYTES / max(1.0, per_sample)))
        work.progress(min(start, count), count, "samples")
    save(work.output / "outputs.npz", stacked(kept, decode))
    return result | {"samples": count, "decoded": decode.where}


def save(file: Path, arrays: Arrays) -> None:
    """The arrays as one `.npz`."""
    import numpy as np

    np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy types its keyword `allow_pickle` into every array


def stacked(kept: list[Arrays], decode: Decoder) -> Arrays:
    """One array for each name, axis 0 the sample; shorter samples end in NaN.

    Raises:
        UserCodeError: names, axes or types differ between samples in a way that no padding mends.
    """
    import numpy as np

    names = set(kept[0])
    for index, item in enumerate(kept):
        if set(item) != names:
            raise decode.broken(f"sample {index} has {sorted(item)}, the first has {sorted(names)}.")
    arrays = {}
    for name in sorted(names):
        parts = [item[name] for item in kept]
        if len({part.shape for part in parts}) == 1:
            arrays[name] = np.stack(parts)
            continue
        if any(part.ndim == 0 or part.shape[1:] != parts[0].shape[1:] for part in parts):
            raise decode.broken(f"`{name}` has shapes that differ in more than their first axis.")
        if not all(np.issubdtype(part.dtype, np.floating) for part in parts):
            raise decode.broken(f"`{name}` has lengths that differ, and {parts[0].dtype} has no NaN to pad with.")
        longest = max(len(part) for part in parts)
        full = np.full((len(parts), longest, *parts[0].shape[1:]), np.nan, dtype=parts[0].dtype)
        for row, part in enumerate(parts):
            full[row, : len(part)] = part
        arrays[name] = full
    return arrays
