"""The base of the runtimes: one entry of `targets:`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from json import dumps
from math import prod
from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, ValidationError, model_validator

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.prune.stage import Prune
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Call
from edgebuild.core.evidence import Evidence
from edgebuild.core.graph import Lowering
from edgebuild.core.records import Documented
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, did_you_mean
from edgebuild.runtimes.providers import ConflictError

MOST = 16
"""Settings of one target: each is timed for every candidate."""
HERE = "here"
"""The machine that builds, as a target names it."""


class Target(Documented):
    """One product to ship: a runtime on a device."""

    runtime: str
    """Name of the runtime, a row of its table."""
    device: str = HERE
    """Name of a device profile; `here` is the machine that builds."""
    candidates: tuple[str, ...] | None = None
    """Only these, besides `source`; all where left out."""
    choose: str | None = None
    """Ship this candidate; its verdicts stand."""
    search: dict[str, Annotated[tuple[str | int | bool, ...], Field(min_length=1)]] = {}
    """Options of this target with several values each; every candidate is timed with all of them, the first first."""

    title: ClassVar[str]
    """What people call the runtime."""
    ends: ClassVar[str] = ""
    """What `finish` does at the end of every route, in words."""
    format: ClassVar[str]
    """What the runtime loads, a name of `models/routes.py`."""
    extra: ClassVar[str]
    """The extra that installs it: `pip install edgebuild[extra]`."""
    distributions: ClassVar[tuple[str, ...]]
    """Packages without which nothing can be made for it."""
    runs_on: ClassVar[tuple[str, ...]]
    """Those of them whose version decides what a model of this runtime answers, and how fast."""
    searchable: ClassVar[tuple[str, ...]] = ()
    """Options that change how fast an artifact runs, and not its bytes."""

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        for name in self.search:
            known = type(self).searchable
            if name not in known:
                near = did_you_mean(name, known) or "."
                fix = f"Known: {', '.join(known)}." if known else "Remove it: this runtime has no such options."
                raise ConflictError(f"`search` knows no option `{name}`{near}", fix)
            if name in self.model_fields_set:
                raise ConflictError(f"`{name}` stands in `search` too", "Remove one of them.")
        count = prod(len(values) for values in self.search.values())
        if count > MOST:
            raise ConflictError(f"`search` makes {count} settings of each candidate", f"At most {MOST} are timed.")
        self.variants()
        return self

    def variants(self) -> dict[str, Target]:
        """This target with one value of each searched option, by what is put behind a candidate's name.

        The first is the first value of each, and has nothing behind the name.

        Raises:
            ConflictError: an option has no such value.
        """
        if not self.search:
            return {"": self}
        given = self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"search"})
        found: dict[str, Target] = {}
        for values in product(*self.search.values()):
            setting = dict(zip(self.search, values, strict=True))
            changed = [f".{name}-{value}" for name, value in setting.items() if value != self.search[name][0]]
            try:
                found["".join(changed).lower()] = type(self).model_validate_json(dumps(given | setting), strict=True)
            except ValidationError as error:
                problem = error.errors()[0]
                place = ".".join(map(str, problem["loc"]))
                words = ", ".join(f"{name}: {value}" for name, value in setting.items())
                what = f"`search` gives `{words}`, and `{place}` {problem['msg'].replace('Input should', 'must')}"
                raise ConflictError(what, "Give values that the option takes.") from error
        return found

    arithmetic: ClassVar[str] = "float32"
    """Type of the values between layers where a recipe says nothing of them."""
    repairs: ClassVar[bool] = False
    """Whether its static INT8 can be repaired (`repair:` of a candidate)."""
    takes_ranges: ClassVar[bool] = False
    """Whether its static INT8 can have ranges of a training under integers (`train: {quantize: int8}`)."""
    times_drafts: ClassVar[bool] = False
    """Whether a session of `call` tells times of a draft before it is finished, so that searches can rank by them."""
    raw_golden: ClassVar[bool] = False
    """Whether a package's golden samples are wanted as plain numbers too: its users read no `.npz`."""
    evidence_here: ClassVar[Evidence] = "simulated"
    """What numbers of a stand-in are worth (see `simulated`)."""

    def simulated(self) -> str:
        """Why what runs on this machine is not the runtime itself, a sentence; "" where it is."""
        return ""

    def admits(self, recipe: Recipe) -> None:
        """Decline what this runtime cannot do, before any work.

        Raises:
            Refused: kind "not applicable".
        """

    def default_recipes(self) -> dict[str, Recipe]:
        """The default set, by name; `source` is not among them, it is always there."""
        raise NotImplementedError

    def quantize(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Add the steps that quantize the draft this runtime's way.

        Raises:
            Refused: no such scheme here.
        """
        raise NotImplementedError

    def prune(self, to: Lowering, draft: Draft, how: Prune) -> Draft:  # noqa: ARG002 - for those that gain by it
        """Add the steps that leave single weights out; channels are left out alike for all runtimes.

        Raises:
            Refused: kind "not applicable": this runtime stores and computes zeros like any other number.
        """
        raise Refused(
            by=self.runtime,
            why="it stores and computes zeros like any other number, so single weights left out gain nothing.",
            fix="Leave out channels: `pattern: structured`. Packages of a `coreml` target store only what is left.",
            kind="not applicable",
        )

    def finish(self, to: Lowering, draft: Draft) -> Draft:  # noqa: ARG002 - for those that have something to add
        """Add what every artifact of this runtime needs last."""
        return draft

    def call(self) -> Call:
        """How to load what `finish` made."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """The runtime's options as plain data, for the configuration file of a package."""
        return self.call().options

    def package_config(self, shapes: Mapping[str, Mapping[str, int | str]]) -> dict[str, Any]:  # noqa: ARG002 - for those that ask
        """`config()`, with what the runtime must be told of the model's named shapes (`model.shapes` of the spec)."""
        return self.config()

    def describe(self, recipe: Recipe) -> str:
        """What a recipe asks for, in words, before anything is made of it."""
        start = f"your own {PurePath(recipe.source).name}" if recipe.source else ""
        start = f"`{recipe.after}`" if recipe.after else start
        words = [start, *(stage.describe() for stage in recipe.stages)]
        return "; ".join(filter(None, words)) or "the model itself, converted and not compressed"

    def account(self, model: Artifact, sample: Artifact) -> Step:
        """The step that writes an `Account` (JSON) of the artifact; `sample` is a checked split."""
        raise NotImplementedError

    def footprint(self, model: Artifact) -> Step | None:  # noqa: ARG002 - for runtimes that can tell it anywhere
        """The step that tells how much memory the artifact needs without its device: `memory.json`."""
        return None

    def beside(
        self,
        model: Artifact,  # noqa: ARG002 - for runtimes whose packages hold more than a file can say
        footprint: Artifact | None,  # noqa: ARG002
        samples: Artifact,  # noqa: ARG002
        predicted: Artifact,  # noqa: ARG002
    ) -> Step | None:
        """The step that writes a folder of files that ship beside this artifact.

        Args:
            model: the artifact.
            footprint: of the step of that name.
            samples: the samples of `report`.
            predicted: what the artifact says of them.
        """
        return None
