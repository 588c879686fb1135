"""The base of the runtimes: one entry of `targets:`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, ClassVar

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.prune.stage import Prune
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Call
from edgebuild.core.evidence import Evidence
from edgebuild.core.graph import Lowering
from edgebuild.core.records import Documented
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

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

    arithmetic: ClassVar[str] = "float32"
    """Type of the values between layers where a recipe says nothing of them."""
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
        """Add the steps that leave weights out.

        Raises:
            Refused: kind "not applicable": this runtime stores and computes zeros like any other number.
        """
        raise Refused(
            by=self.runtime,
            why="it stores and computes zeros like any other number, so single weights left out gain nothing.",
            fix="Prune for a `coreml` target, whose packages store only what is left.",
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
