"""The base of the runtimes: one entry of `targets:`."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, ClassVar

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Lowering
from edgebuild.core.records import Documented
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact

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

    format: ClassVar[str]
    """What the runtime loads, a name of `models/routes.py`."""
    extra: ClassVar[str]
    """The extra that installs it: `pip install edgebuild[extra]`."""
    distributions: ClassVar[tuple[str, ...]]
    """Packages without which nothing can be made for it."""
    runs_on: ClassVar[tuple[str, ...]]
    """Those of them whose version decides what a model of this runtime answers, and how fast."""

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

    def finish(self, to: Lowering, draft: Draft) -> Draft:  # noqa: ARG002 - for those that have something to add
        """Add what every artifact of this runtime needs last."""
        return draft

    def call(self) -> Call:
        """How to load what `finish` made."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """The runtime's options as plain data, for the configuration file of a package."""
        return self.call().options

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
