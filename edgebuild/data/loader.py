"""Where samples come from: a function of the user's, an npz archive, a folder of images per class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import field_validator

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import DataError, Problem, UserCodeError

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.data.samples import SampleSet


class LoadFunction(Step):
    """Run the user's loader (see `data/contract.py` for what it yields) and keep its samples."""

    version = 2
    tools = ("numpy",)
    filename = "samples"
    # The user's code may compute with floats.
    portable = False

    code: UserCode
    steps: dict[str, int] = {}
    """Axis of the steps, by key of the samples' inputs that are sequences: these may differ in length."""

    def run(self, work: Workspace) -> None:
        """Raises: UserCodeError: the loader raised. DataError: it broke its contract."""
        from edgebuild.data.contract import gather
        from edgebuild.data.usercode import load

        where = f"{self.code.file}:{self.code.function}"
        given = load(self.code)()
        if not hasattr(given, "__iter__") or isinstance(given, str | bytes | dict):
            what = f"returned {type(given).__name__}, not samples."
            raise UserCodeError(Problem(where, what, "Yield one mapping for each sample, or return a list of them."))
        # The number of samples is known only once the last has come.
        total = len(given) if hasattr(given, "__len__") else 0
        samples = gather(given, where, lambda done: work.progress(done, max(total, done), "samples"), self.steps)
        samples.save(work.output)


class LoadArchive(Step):
    """Read an npz: one array for each input, axis 0 the sample; `label`, `id`, `group` and `tag.NAME` beside them.

    `label.KEY` makes a mapping label. One input alone may be called `x` or `inputs`.
    """

    version = 1
    tools = ("numpy",)
    filename = "samples"

    archive: Artifact

    def run(self, work: Workspace) -> None:
        """Raises: DataError: the archive is damaged, or its arrays contradict each other; all at once."""
        read_archive(work.path(self.archive)).save(work.output)


ALIASES = {"labels": "label", "y": "label", "Y": "label", "ids": "id", "groups": "group", "X": "x"}
"""Other usual names of an archive's arrays."""


def read_archive(path: Path) -> SampleSet:
    """See `LoadArchive`."""
    import zipfile

    from edgebuild.data.arrays import load_arrays

    try:
        arrays = {ALIASES.get(name, name): array for name, array in load_arrays(path).items()}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        fix = "Write it with `np.savez(path, x=…, label=…)`; arrays of Python objects cannot be read."
        raise DataError(Problem("data.source", f"cannot be read as an npz archive: {error}", fix)) from error
    inputs = {name: array for name, array in arrays.items() if not _beside(name)}
    problems = _archive_problems(arrays, inputs)
    if problems:
        raise DataError(*problems)
    return _archive_samples(arrays, inputs)


def _beside(name: str) -> bool:
    return name in ("label", "id", "group") or name.startswith(("tag.", "label."))


def _archive_problems(arrays: dict[str, np.ndarray], inputs: dict[str, np.ndarray]) -> list[Problem]:
    where = "data.source"
    if not inputs:
        found = ", ".join(f"`{name}`" for name in arrays) or "nothing"
        return [
            Problem(where, f"holds no input: {found}.", "Add an array for each input of the model, or `x` for one.")
        ]
    problems = []
    for name, array in arrays.items():
        if array.ndim == 0:
            problems.append(Problem(where, f"array `{name}` has no axis for the samples.", "Stack samples on axis 0."))
        elif name in inputs and array.dtype.kind not in "biufc":
            fix = "Name what is no input `label`, `id`, `group` or `tag.NAME`."
            problems.append(Problem(where, f"array `{name}` is {array.dtype}, no array of numbers.", fix))
    sizes = {name: len(array) for name, array in arrays.items() if array.ndim}
    if len(set(sizes.values())) > 1:
        counts = ", ".join(f"`{name}` {size}" for name, size in sizes.items())
        fix = "Axis 0 of every array is the sample; give all the same number."
        problems.append(Problem(where, f"its arrays differ in the number of samples: {counts}.", fix))
    elif sizes and not any(sizes.values()):
        problems.append(Problem(where, "holds no sample at all.", "Fill it, or name another file."))
    ids = [str(name) for name in arrays["id"]] if "id" in arrays and arrays["id"].ndim else []
    twice = sorted({name for name in ids if ids.count(name) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        words = f"{len(twice)} ids occur more than once: {', '.join(twice[:5])}{' …' if len(twice) > 5 else ''}."
        problems.append(Problem(where, words, "Give every sample an id of its own."))
    return problems


def _archive_samples(arrays: dict[str, np.ndarray], inputs: dict[str, np.ndarray]) -> SampleSet:
    from edgebuild.data.samples import SampleSet, digests

    count = len(next(iter(inputs.values())))
    content = digests(inputs, count)
    seen: dict[str, int] = {}
    made = []
    for digest in content:
        # Twins are told apart by their order, and meet again in the check of overlap.
        repeat = seen[digest] = seen.get(digest, -1) + 1
        made.append(f"{digest[:16]}{f'-{repeat}' if repeat else ''}")
    return SampleSet(
        inputs=inputs,
        ids=tuple(str(name) for name in arrays["id"]) if "id" in arrays else tuple(made),
        labels={
            name.removeprefix("label."): array
            for name, array in arrays.items()
            if name == "label" or name.startswith("label.")
        },
        groups=tuple(str(name) for name in arrays["group"]) if "group" in arrays else (),
        tags={
            name.removeprefix("tag."): tuple(array.tolist())
            for name, array in arrays.items()
            if name.startswith("tag.")
        },
        digests=content,
    )


class LoadImages(Step):
    """Read a folder with one folder of images for each class; classes are numbered in the order of their names."""

    version = 1
    tools = ("numpy", "pillow")
    filename = "samples"
    # The resize filters of pillow differ in the last bit between instruction sets.
    portable = False

    folder: Artifact
    input: str = "inputs"
    """Input that takes the image."""
    color: Literal["rgb", "bgr", "gray", "rgba"] = "rgb"
    """Order of the channels; `gray` has one."""
    size: tuple[int, int] | None = None
    """Height and width; the images' own where left out."""
    resize: Literal["nearest", "bilinear", "bicubic", "lanczos", "area"] = "bilinear"
    """How they are brought to that size."""
    scale: float | None = None
    """Each value is multiplied by it; `1/255` is fine. Without scale and mean the values stay 0..255 in uint8."""
    mean: tuple[float, ...] | float | None = None
    """Then this is subtracted, for each channel."""
    labels: tuple[str, ...] = ()
    """Class names in the order of their numbers, where it is not the order of the folders' names."""

    @field_validator("scale", mode="before")
    @classmethod
    def _fraction(cls, value: Any) -> Any:
        over, _, under = value.partition("/") if isinstance(value, str) else (value, "", "")
        return float(over) / float(under) if under else value

    def run(self, work: Workspace) -> None:
        """Raises: DataError: the folder has no classes, or images cannot be read or differ in size; all at once."""
        from edgebuild.data.images import read_images

        read_images(work.path(self.folder), self, work.progress).save(work.output)
