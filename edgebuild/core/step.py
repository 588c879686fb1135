"""A step: parameters and `run`. It is its record; the wires in its fields are its wiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from edgebuild.core.records import Record, canonical_json, digest_of
from edgebuild.core.wires import Artifact, Attempt, Refusal, unwired

USERS_HOME = "EDGEBUILD_USERS_HOME"
"""Variable by which a step with `passes` knows the user's home; its own home is a folder of the build's."""


@dataclass(frozen=True)
class Observed:
    """What a step that measures several things beside each other knows of earlier runs."""

    subjects: tuple[str, ...] = ()
    """Identity of each thing, in the order of the step's field: equal bytes under equal options have equal ones."""
    earlier: tuple[Path, ...] = ()
    """Outputs of runs of this kind under the same condition that count, the newest first; possibly of other things."""
    times: int = 0
    """How many runs there were under this condition, those that are not shown included."""


def variable_digest(name: str, value: str | None) -> str:
    """What stands for the value of a variable wherever something is written down; empty where it is not set."""
    return "" if value is None else digest_of(f"{name}={value}".encode())


class Workspace(Protocol):
    """All that a running step may touch."""

    @property
    def output(self) -> Path:
        """Where the step writes its one file or folder; its parent exists, itself it does not."""

    @property
    def scratch(self) -> Path:
        """An empty private folder, the current one; gone after the step."""

    def path(self, artifact: Artifact) -> Path:
        """A read-only file or folder of an input."""

    def attempt(self, attempt: Attempt) -> Path | Refusal:
        """An input, or why it was not made."""

    def run(self, step: Step) -> Path:
        """Run a step, or find its output: a trial of a search, a segment of a training.

        It may read what the running step reads, and what was run before; it is stored at once, whatever becomes of the
        running step.

        Returns:
            Its output, read-only.

        Raises:
            Refused: the step declined.
            StepError: it failed.
        """

    @property
    def observed(self) -> Observed:
        """Earlier runs, for a step that declares `subjects`."""

    def progress(self, done: int, total: int, what: str = "") -> None:
        """Tell the watcher how far the step is; cheap, may be called often."""

    def says_nothing_new(self) -> None:
        """Say that the output repeats numbers of earlier runs and is no run of its own."""

    def for_this_build_only(self, why: str) -> None:
        """Say that the output is a value of this build and must not be found again (a contended measurement)."""


class Step(Record):
    """One unit of work. Holds plain data only; equal steps are one node of the graph.

    Every field enters the key unless it is marked `OutsideKey`; wires enter by the digest of their bytes.
    """

    version: ClassVar[int]
    """Raised whenever the same parameters and inputs would give other bytes."""
    tools: ClassVar[tuple[str, ...]] = ()
    """Distributions whose versions decide the output; every third-party import of `run` is named here."""
    filename: ClassVar[str] = ""
    """Name of the output, a folder where it has no suffix."""
    portable: ClassVar[bool] = True
    """Proven to write the same bytes on every platform; else platform, ISA and threads enter the key."""
    deterministic: ClassVar[bool] = True
    """Proven to write the same bytes every time; else its bytes are pinned, not re-derived."""
    hands_on: ClassVar[bool] = False
    """Its output is its `model`, unchanged, where it does not decline."""
    volatile: ClassVar[bool] = False
    """Asked in every build (facts of a device); its readers still see equal bytes as unchanged."""
    alone: ClassVar[bool] = False
    """Measures time: nothing else runs beside it."""
    subjects: ClassVar[str] = ""
    """Name of the field that lists what is measured. The output then holds numbers for each of them by its identity,
    and a run with other things beside them under the same condition counts too (see `Observed`)."""
    inline: ClassVar[bool] = False
    """Cheap, ours and without third-party imports: runs in the engine's own process."""
    preload: ClassVar[tuple[str, ...]] = ()
    """Modules that a parent of its processes may have imported before: heavy ones that run nothing when imported."""
    passes: ClassVar[tuple[str, ...]] = ()
    """Beginnings of the user's variables that its process gets although they decide nothing of the output, in small
    letters too. They may hold passwords: they enter no key and are written nowhere."""
    timeout_s: ClassVar[float] = 1800.0

    environment: dict[str, str] = {}
    """What it sees of the user's environment, all else is scrubbed: names, with digests of the values."""

    def run(self, work: Workspace) -> None:
        """Write `work.output`.

        Raises:
            Refused: the step declines; stored like a result.
            EdgebuildError: the user's data, code or machine is at fault; never stored.
        """
        raise NotImplementedError

    @cached_property
    def id(self) -> str:
        """Identity in the graph: kind and parameters, with the wires by the identity of their steps."""
        return digest_of(canonical_json([self.kind(), type(self).version, self])).removeprefix("sha256:")[:32]

    @cached_property
    def static(self) -> str:
        """What of its key does not depend on inputs, tools and machine: kind, version and parameters, 64 hex digits."""
        return digest_of(canonical_json([self.kind(), type(self).version, unwired(self)])).removeprefix("sha256:")

    def within(self, environment: Mapping[str, str]) -> Step:
        """The same step where it sees these variables too; one that runs in the engine itself sees none."""
        if self.inline or not environment:
            return self
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        # Not by `model_copy`, which would take the cached identity along.
        return type(self).model_construct(**{**fields, "environment": {**environment, **self.environment}})

    @classmethod
    def kind(cls) -> str:
        """`module:Class`, from which a fresh process loads the step."""
        return f"{cls.__module__}:{cls.__qualname__}"

    def output_name(self) -> str:
        """Name under which readers see the output."""
        return type(self).filename

    def max_age(self) -> float | None:
        """Seconds after which its output does not count any more and it runs again; None for ever."""
        return None

    def merged(self, _other: Self) -> Self:
        """One step in the place of two equal ones, where both have a say in a field that is `OutsideKey`."""
        return self

    def out(self) -> Artifact:
        """The wire to what this step makes."""
        return Artifact(id=self.id, filename=self.output_name())


def load_step(kind: str, text: str | bytes) -> Step:
    """A step from `module:Class` and its JSON."""
    module, _, name = kind.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    step: Step = found.model_validate_json(text)
    return step
