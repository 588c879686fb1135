"""The spec as a person writes it: every top-level key, from which the JSON Schema comes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PositiveInt, WithJsonSchema

from edgebuild.compress.train.settings import Training
from edgebuild.core.evidence import Evidence
from edgebuild.core.records import Documented
from edgebuild.documents.quantities import seconds
from edgebuild.spec.records import DataSection, Interface, ModelSection, Name, PackageSection

Duration = Annotated[
    float,
    BeforeValidator(seconds),
    WithJsonSchema({"type": "string", "examples": ["20 min", "90 d"]}),
]
"""In seconds; written with its unit."""


OURS = ("HOME", "TMPDIR", "PATH", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONPYCACHEPREFIX", "KERAS_HOME", "MPLCONFIGDIR")


def variable_name(name: str) -> str:
    """Raises: ValueError: no variable has such a name, or every step has one of its own."""
    if not name.replace("_", "a").isalnum() or not name.isascii() or name[0].isdigit():
        raise ValueError("must be the name of a variable: letters, digits and `_`; its value is read when a build runs")
    if name in OURS or name.startswith("XDG_"):
        raise ValueError(f"must not be `{name}`: every step has one of its own")
    return name


VariableName = Annotated[
    str, AfterValidator(variable_name), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"})
]


class EvidenceSection(Documented):
    """The weakest evidence on which a budget may pass."""

    latency: Evidence | None = None
    """Of latency and what derives from it; `measured` where left out."""
    memory: Evidence | None = None
    """`measured` where left out."""
    energy: Evidence | None = None
    """Of energy, power and temperature; `measured` where left out."""
    accuracy: Evidence | None = None
    """Of metrics, parity and placement; `simulated` where left out."""
    size: Evidence | None = None
    """`simulated` where left out."""
    at_least: Evidence | None = None
    """For every quantity, whatever stands above."""
    max_age: Duration | None = None
    """Committed measurements that are older do not count: `90 d`."""


class EffortSection(Documented):
    """How much a build may spend."""

    time: Duration | None = None
    """For the whole build: `20 min`."""
    candidates: PositiveInt | None = None
    """At most so many for each target."""
    samples: dict[Evidence, PositiveInt] = {}
    """At most so many samples where the evidence is of that class: `{simulated: 300}`."""


class Written(Documented):
    """What to build from one model, for which devices, within which budgets."""

    edgebuild: Literal[1]
    """Version of this language."""
    name: Name
    """Name of the deployment; the folder under `build/`."""
    release: Annotated[str, Field(min_length=1)] = "0.0.0"
    """The model's own release, in quotes where it looks like a number."""
    model: ModelSection
    """The network."""
    interface: Interface = Interface()
    """What surrounds the model in the product."""
    data: DataSection
    """The samples that calibrate, choose and judge."""
    metrics: dict[Name, Any] = {}
    """Numbers about predictions, by a name of your own."""
    train: Training = Training()
    """How models are trained, by candidates that ask for it."""
    candidates: dict[Name, Any] = {}
    """Recipes by a name of your own, beside `source` and the default set of each runtime."""
    targets: Annotated[dict[Name, Any], Field(min_length=1)]
    """What to ship: a runtime on a device, by a name of your own."""
    budgets: dict[str, dict[str, Any]] = {}
    """Limits by target: `all`, a glob, or a target's name; then by quantity."""
    evidence: EvidenceSection = EvidenceSection()
    """The weakest evidence on which a budget may pass."""
    objective: Any = None
    """What to choose by, among the candidates that meet the budgets."""
    effort: EffortSection = EffortSection()
    """How much a build may spend."""
    package: PackageSection = PackageSection()
    """What else goes into a package."""
    environment: tuple[VariableName, ...] = ()
    """Variables that reach the steps, which else see none of yours; their values count: `[CUDA_VISIBLE_DEVICES]`."""
    extends: Any = None
    """A spec, or a list of them, that this one changes: maps merge, lists replace, null removes."""
    matrix: dict[str, Any] = {}
    """Values for `${name}` in `targets` and `budgets`: `{board: [raspberry-pi-4, raspberry-pi-5]}`."""
