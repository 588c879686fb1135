"""A job as it is read, the sessions it names, and the two ways it can end badly."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray]


class JobError(Exception):
    """The job itself is wrong: exit status 2."""


class Declined(Exception):  # noqa: N818 - a result that travels as an exception, not an error
    """The runtime declined a model: exit status 3."""

    def __init__(self, by: str, why: str, model: int = 0) -> None:
        super().__init__(f"{by}: {why}")
        self.by, self.why, self.model = by, why, model


class Exhausted(Exception):  # noqa: N818 - says how the machine is, not what is wrong with the model
    """Memory or disk did not suffice for it, which says nothing of the model: exit status 4."""


MEMORY = (
    "bad_alloc", "bfc_arena", "failed to allocate memory", "cannot allocate memory", "unable to allocate",
    "resourceexhausted", "resource_exhausted", "out of memory", "memoryerror", "failed to map segment",
)  # fmt: skip
"""In what runtimes and converters say where memory ran out; small letters."""
DISK = ("no space left", "disk quota exceeded")
"""The same of the disk."""


def exhausted(error: BaseException) -> bool:
    """Whether an exception tells of memory or disk, and not of the model."""
    said = words(error).lower()
    return any(mark in said for mark in (*MEMORY, *DISK))


class Session(Protocol):
    """A loaded model, as a session module makes it."""

    inputs: list[dict[str, Any]]
    """`{"name", "shape", "dtype"}`, the batch axis included; `raw_dtype` where integers are also taken as they are."""
    outputs: list[dict[str, Any]]

    def run(self, feed: Arrays) -> Arrays:
        """Outputs by name for one feed with batch axes.

        Some sessions have more: `trace(feed, runs)` tells the operators and their times, `layers(feed)` the values
        between them: `{"name", "op", "inputs", "value"}` of each in the order of execution, real numbers alone.
        """


@dataclass(frozen=True)
class Model:
    """One model of a job."""

    index: int
    path: str
    session: str
    runtime: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    loop: dict[str, Any] | None = None
    """How `predict` and `steps` run it over a sample step by step; in every other job a sample is one run."""

    def module(self) -> Any:
        """The session module, imported with its runtime.

        Raises:
            Declined: the runtime is not installed here, or does not load.
            Exhausted: there is no room to load it.
        """
        try:
            return importlib.import_module(self.session)
        except Exception as error:
            if exhausted(error):
                raise Exhausted(words(error)) from error
            raise Declined(self.runtime or self.session, words(error), self.index) from error

    def versions(self) -> dict[str, str]:
        """Distributions of the runtime by version."""
        return dict(self.module().versions())

    def open(self) -> Session:
        """Load the model.

        Raises:
            Declined: the runtime does not take it; in its own words.
        """
        with declining(self):
            session: Session = self.module().open(self.path, self.options)
            return session


@dataclass(frozen=True)
class Job:
    """What is asked."""

    what: str
    models: tuple[Model, ...]
    inputs: Path
    threads: int = 1
    parameters: dict[str, Any] = field(default_factory=dict)

    def number(self, name: str, default: float, lowest: float = 0) -> float:
        """A parameter.

        Raises:
            JobError: it is no number, or too small.
        """
        value = self.parameters.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < lowest:
            raise JobError(f"job: parameter `{name}` must be a number of at least {lowest:g}, got {value!r}.")
        return value

    def only_model(self) -> Model:
        """The model of a job that takes one.

        Raises:
            JobError: there are several.
        """
        if len(self.models) != 1:
            raise JobError(f"job: `{self.what}` takes one model, got {len(self.models)}.")
        return self.models[0]

    def versions(self) -> dict[str, str]:
        """Distributions of all its runtimes."""
        return {name: version for model in self.models for name, version in model.versions().items()}


def read_job(file: Path, known: tuple[str, ...]) -> Job:
    """Read and check a job.

    Raises:
        JobError: it cannot be read, names work that is unknown, or files that are not there.
    """
    try:
        asked = json.loads(file.read_text(encoding="utf-8"))
        job = _job(asked)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise JobError(f"{file.name}: this is no job: {type(error).__name__}: {error}") from error
    if job.what not in known:
        raise JobError(f"{file.name}: unknown job `{job.what}`; this runner knows {', '.join(known)}.")
    if not job.models:
        raise JobError(f"{file.name}: the job names no model.")
    missing = [path for path in (str(job.inputs), *(model.path for model in job.models)) if not Path(path).exists()]
    if missing:
        raise JobError(f"{file.name}: not on this machine: {', '.join(missing)}.")
    return job


def _job(asked: dict[str, Any]) -> Job:
    threads = int(asked.get("threads", 1))
    return Job(
        what=str(asked["what"]),
        models=tuple(
            Model(
                index=index,
                path=str(item["path"]),
                session=str(item["call"]["session"]),
                runtime=str(item["call"].get("runtime", "")),
                # The model's own thread count stands; the job's is for models that name none.
                options={"threads": threads, **item["call"].get("options", {})},
                loop=item["call"].get("loop"),
            )
            for index, item in enumerate(asked["models"])
        ),
        inputs=Path(asked["inputs"]),
        threads=threads,
        parameters=dict(asked.get("parameters", {})),
    )


class declining:  # noqa: N801 - used as a statement, like contextlib.suppress
    """Turn whatever a runtime raises inside the block into `Declined` with its words, or into `Exhausted`."""

    def __init__(self, model: Model, where: str = "") -> None:
        """Args: where: what was being done, put before the runtime's words."""
        self.model, self.where = model, where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, JobError | Declined | Exhausted) or not isinstance(error, Exception):
            return
        if exhausted(error):
            raise Exhausted(self.where + words(error)) from error
        by = " ".join(f"{name} {version}" for name, version in list(self.model.versions().items())[:1])
        raise Declined(by or self.model.runtime, self.where + words(error), self.model.index) from error


def words(error: BaseException) -> str:
    """What an exception says, with its kind."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
