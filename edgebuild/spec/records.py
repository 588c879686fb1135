"""What a spec says, typed: the sections as written, and the whole once paths and globs are resolved."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    PositiveInt,
    SerializeAsAny,
    WithJsonSchema,
    field_validator,
)

from edgebuild.compress.base import Recipe
from edgebuild.core.dossier import REPORT, SELECT, SOURCE
from edgebuild.core.evidence import Evidence
from edgebuild.core.records import Documented, Record
from edgebuild.data.splits import Split, SplitName
from edgebuild.decide.budgets import Budget, Floors, Term
from edgebuild.documents.quantities import milliseconds
from edgebuild.metrics.base import Metric
from edgebuild.runtimes.base import Target

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
RANGE = re.compile(r"[1-9][0-9]*\.\.[1-9][0-9]*")


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f"must be letters, digits, `.`, `_` and `-` (it names a folder), got `{text[:80]}`")
    return text


def _digest(text: str) -> str:
    if not DIGEST.fullmatch(text):
        raise ValueError(f"must be `sha256:` and 64 hex digits, got `{text[:80]}`")
    return text


def _range(text: str) -> str:
    low, _, high = text.partition("..")
    if not RANGE.fullmatch(text) or int(low) > int(high):
        raise ValueError(f"must be a whole number above 0 or a range like `1..256`, got `{text}`")
    return text


def _fraction(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    above, slash, below = value.partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"must be a number or a fraction like `1/255`, got `{value}`") from None


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})]
Digest = Annotated[str, AfterValidator(_digest), Field(json_schema_extra={"pattern": f"^{DIGEST.pattern}$"})]
AxisRange = Annotated[str, AfterValidator(_range), Field(json_schema_extra={"pattern": f"^{RANGE.pattern}$"})]
Fraction = Annotated[
    float,
    BeforeValidator(_fraction),
    WithJsonSchema({"type": ["number", "string"], "pattern": "^[0-9./ ]+$"}),
]
Size = Annotated[int, Field(gt=0)]


Number = bool | int | FiniteFloat
Constant = Number | Annotated[tuple[Number, ...], Field(min_length=1)]


Period = Annotated[float, BeforeValidator(milliseconds), WithJsonSchema({"type": "string", "examples": ["32 ms"]})]
"""In milliseconds; written with its unit."""


def _initial(value: Any) -> Any:
    if value != "zeros" and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError("must be `zeros` or a number that every element has before the first step")
    return value


class Input(Documented):
    """What must be said of one input of the model."""

    dims: tuple[str | Size, ...] = ()
    """A name or size for each axis, where the file has none."""
    data: str | None = None
    """Key of the samples' inputs that feeds it; its own name where left out."""
    constant: Constant | None = None
    """Folded away: a number for every element, or a list of all elements in the order of rows."""
    state: str | None = None
    """Output of one step that is fed to it in the next; samples do not have it."""
    initial: Annotated[Literal["zeros"] | FiniteFloat, BeforeValidator(_initial)] = "zeros"
    """What a state holds before the first step of a sample: `zeros`, or a number for every element."""
    steps: Annotated[int, Field(ge=0)] | None = None
    """A sample is a sequence along this axis of it; one run of the model sees one step."""
    period: Period | None = None
    """Time from one step to the next in the product: `32 ms`; `rtf` is the latency in parts of it."""


class ModelSection(Documented):
    """The network."""

    source: str
    """An ONNX, Keras (`.keras`, `.h5`), TFLite, SavedModel or torch (`.pt2`, `.ts`, `.pt`, `.pth`) file.

    Relative to the spec, or `package://dist/path`.
    """
    builder: str | None = None
    """`model.py:build`, a function that makes the torch module whose weights `source` holds, with example inputs."""
    digest: Digest | None = None
    """Build only when the file has this digest."""
    inputs: dict[str, Input] = {}
    """By the model's input names, only where needed."""
    shapes: dict[str, dict[str, Size | AxisRange]] = {}
    """Named sizes of the dynamic axes; the first is the one that is timed."""


class Model(ModelSection):
    """The network, found."""

    path: str
    """Absolute."""
    format: str
    """A name of `models/routes.py`."""


class InterfaceInput(Documented):
    """How a product's input becomes the model's."""

    kind: Literal["image"]
    """What it is."""
    color: Literal["rgb", "bgr", "gray", "rgba"] | None = None
    """Order of the channels."""
    size: tuple[Size, Size] | None = None
    """Height and width."""
    resize: Literal["nearest", "bilinear", "bicubic", "lanczos", "area"] | None = None
    """How it is brought to that size."""
    scale: Fraction | None = None
    """Each value is multiplied by it: `1/255`."""
    mean: tuple[FiniteFloat, ...] | FiniteFloat | None = None
    """Then this is subtracted, for each channel."""


class InterfaceOutput(Documented):
    """How the model's output becomes the product's."""

    labels: str | None = None
    """Text file with one class name a line, in the order of the outputs."""


class Interface(Documented):
    """What surrounds the model in the product."""

    inputs: dict[str, InterfaceInput] = {}
    """By the model's input names."""
    outputs: dict[str, InterfaceOutput] = {}
    """By the model's output names."""


class EnvironmentRoot(Documented):
    """A folder that an environment variable names."""

    env: str
    """The variable."""


class DataSection(Documented):
    """The samples."""

    source: str
    """`data.py:samples`, an `.npz`, or a folder with one folder of images for each class."""
    splits: dict[SplitName, Split]
    """Which samples serve to calibrate, to choose (`select`) and to judge (`report`)."""
    roots: dict[str, EnvironmentRoot] = {}
    """Folders elsewhere, by name: `{coco: {env: COCO_DIR}}` gives `${coco}` in `source` and `inputs`."""
    group: str | None = None
    """Name of what a group is (`speaker`), where the samples have one; a split never cuts a group."""
    inputs: tuple[str, ...] = ()
    """Globs of files that the loader reads; their content counts."""
    seed: int = 0
    """Another one deals the samples differently."""

    @field_validator("splits")
    @classmethod
    def _needed(cls, splits: dict[str, Split]) -> dict[str, Split]:
        for name in (SELECT, REPORT):
            if name not in splits:
                raise ValueError(f"must have `{name}`: candidates are chosen on `select` and judged on `report`")
        return splits


class Data(DataSection):
    """The samples, found."""

    kind: Literal["function", "archive", "images"]
    path: str
    """Absolute: the Python file, the archive or the folder."""
    reference: str = ""
    """`data.py:samples`, relative to the spec's folder, of a function."""


class Effort(Record):
    """How much a build may spend."""

    time_s: float | None = None
    candidates: PositiveInt | None = None
    """At most so many for each target."""
    samples: dict[Evidence, PositiveInt] = {}
    """At most so many samples where the evidence is of that class."""


class PackageSection(Documented):
    """What else goes into a package."""

    files: tuple[str, ...] = ()
    """Files that ship with the model, relative to the spec."""
    templates: str | None = None
    """Folder whose templates replace those that ship with edgebuild."""


class Package(PackageSection):
    """What else goes into a package, found: paths are absolute."""

    @property
    def templates_digest(self) -> str:
        """Of the user's templates, "" without them."""
        if self.templates is None:
            return ""
        from pathlib import Path

        from edgebuild.data.sources import digest_path

        return digest_path(Path(self.templates))


class Spec(Record):
    """What the user wrote, typed; paths absolute, globs resolved, defaults filled in."""

    file: str
    folder: str
    name: str
    release: str
    model: Model
    interface: Interface = Interface()
    data: Data
    metrics: dict[str, SerializeAsAny[Metric]] = {}
    functions: dict[str, str] = {}
    """Metric to the function of the user's that computes it: `metrics.py:map50`."""
    decoders: dict[str, str] = {}
    """Metric to the function of the user's that reduces a prediction; the same for all."""
    named: dict[str, str] = {}
    """Model files that stages of candidates name, to their absolute paths."""
    defaults: bool = True
    """Whether each runtime's default set stands beside `candidates`."""
    candidates: dict[str, Recipe] = {}
    targets: dict[str, SerializeAsAny[Target]]
    budgets: dict[str, tuple[Budget, ...]]
    """For each target, in the order they were written."""
    floors: Floors = Floors()
    max_age_s: float | None = None
    """Committed measurements older than this count as unavailable."""
    objective: dict[str, tuple[Term, ...]]
    """For each target."""
    effort: Effort = Effort()
    package: Package = Package()
    environment: dict[str, str] = {}
    """Variables that reach the steps, with digests of their values."""
    sources: tuple[str, ...] = ()
    """The files this was read from: the spec and what it extends, absolute."""

    def recipe(self, target: Target, name: str) -> Recipe | None:
        """A candidate by name, also one that the target is not offered; None where there is none for its runtime."""
        return self.every(target).get(name)

    def every(self, target: Target) -> dict[str, Recipe]:
        """All candidates by name, those that the target is not offered included."""
        written = {SOURCE: Recipe(), **(target.default_recipes() if self.defaults else {}), **self.candidates}
        return {member: item for name, recipe in written.items() for member, item in recipe.members(name).items()}

    def recipes(self, target: Target) -> dict[str, Recipe]:
        """The candidates of a target by name: `source`, the default set, then the spec's own, which replace by name."""
        allowed = None if target.candidates is None else {SOURCE, *target.candidates}
        return {
            name: recipe
            for name, recipe in self.every(target).items()
            if allowed is None or allowed & {name, recipe.family}
        }
