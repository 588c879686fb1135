"""The base of the compressing family: a recipe is stages in order, a stage lowers a draft."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from edgebuild.core.dossier import Call
from edgebuild.core.graph import Lowering
from edgebuild.core.records import Documented, Record
from edgebuild.core.wires import Artifact, FileDigest


class Found(Record):
    """Where a search put a model: which member of its front."""

    front: Artifact
    """A folder (see `search/front.py`)."""
    slot: int
    """From 0."""
    words: str
    """What a draft says of it, in whose place the front's own words come once they are known."""


class Draft(Record):
    """A model under way."""

    model: Artifact
    format: str
    """A name of `models/routes.py`: `onnx`, `tflite`, …"""
    words: tuple[str, ...] = ()
    """What was done so far, a phrase for each stage, as reports print it."""
    slot: int = 0
    """Which member of a search's front it is to become; see `Recipe`."""
    found: Found | None = None
    """The search that it comes from, where there was one."""

    told: tuple[Artifact, ...] = ()
    """Files of steps that know, once they have run, what was done: JSON with `words`, put behind the others."""

    ranges: Artifact | None = None
    """The training under integers that `model` comes from as it is: a folder with `model.keras` and `state.npz`."""

    def then(self, model: Artifact, words: str, format: str = "") -> Draft:  # noqa: A002 - the house's word
        """The draft after one more stage, in the same format where none is given."""
        changed = {"model": model, "words": (*self.words, words), "format": format or self.format, "ranges": None}
        return self.model_copy(update=changed)

    def taken(self, front: Artifact, model: Artifact, words: str) -> Draft:
        """The draft as `model`, the member of a front that its slot says."""
        found = Found(front=front, slot=self.slot, words=words)
        return self.then(model, words).model_copy(update={"found": found})


class Compressor(Protocol):
    """What a stage needs of a target: to know its runtime's way of doing it."""

    arithmetic: ClassVar[str]
    """Type of the values between layers where a recipe says nothing of them."""
    repairs: ClassVar[bool]
    """Whether its static INT8 can be repaired."""
    takes_ranges: ClassVar[bool]
    """Whether its static INT8 can have ranges of a training under integers."""
    times_drafts: ClassVar[bool]
    """Whether a session of `call` tells times of a draft before it is finished."""

    def call(self) -> Call:
        """How to load what is made."""

    def quantize(self, to: Lowering, draft: Draft, how: Any) -> Draft:
        """Add the steps that quantize for this runtime.

        Raises:
            Refused: this runtime has no such scheme.
        """

    def prune(self, to: Lowering, draft: Draft, how: Any) -> Draft:
        """Add the steps that leave weights out for this runtime.

        Raises:
            Refused: this runtime gains nothing by it.
        """


class Stage(Documented):
    """One stage of a recipe."""

    @property
    def works_on(self) -> str:
        """Format that it changes, a name of `models/routes.py`; "" where it is the target's own."""
        return ""

    def takes(self, form: str) -> str:  # noqa: ARG002 - for those that change several formats
        """Format that it changes of a model that is in this one; "" where it is the target's own."""
        return self.works_on

    @property
    def slots(self) -> int:
        """How many candidates it ends with; more than one where it searches."""
        return 1

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits of the samples without which it can do nothing."""
        return ()

    @property
    def functions(self) -> dict[str, str]:
        """Functions of the user's that it names, `file.py:function`, by the key they stand under."""
        return {}

    @property
    def models(self) -> dict[str, str]:
        """Model files that it names, by the key they stand under."""
        return {}

    def asks_next(self, following: Stage | None) -> str:  # noqa: ARG002 - for those whose work another one ends
        """What must stand behind it instead of `following`, a sentence; "" where that is well."""
        return ""

    def settled(self, training: Any) -> Stage:  # noqa: ARG002 - for those that train
        """The stage with `train:` of the spec where it says nothing itself (see `compress/train/settings.py`)."""
        return self

    def describe(self) -> str:
        """What it asks for, in words; each runtime has its own for what becomes of it."""
        raise NotImplementedError

    def lower(self, to: Lowering, draft: Draft, target: Compressor) -> Draft:
        """Add this stage's steps and return the draft after them.

        Raises:
            Refused: the target cannot take it.
        """
        raise NotImplementedError


class Recipe(Record):
    """One entry of `candidates:`: where it starts and the stages in order."""

    stages: tuple[Stage, ...] = ()
    source: str | None = None
    """A model of the user's own, with the same interface, instead of the spec's; absolute once the spec is resolved."""
    after: str | None = None
    """Another candidate, whose finished artifact the stages start from."""
    required: bool = False
    slot: int = 0
    """Which member of the front of its search, from 0; refused where the front is shorter."""
    files: tuple[FileDigest, ...] = ()
    """Of the user's functions and models that its stages name, as they were when the spec was read."""
    family: str = ""
    """Name that it was written under, where it has another one: member of a search, or value of a sweep."""

    def members(self, name: str) -> dict[str, Recipe]:
        """One recipe for each slot: `best`, `best.2`, …; the first alone can be required."""
        count = max((stage.slots for stage in self.stages), default=1)
        found = {name: self}
        for slot in range(1, count):
            own = {"slot": slot, "required": False, "family": self.family or name}
            found[f"{name}.{slot + 1}"] = self.model_copy(update=own)
        return found
