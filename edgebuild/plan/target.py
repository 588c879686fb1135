"""The part of the graph that belongs to one target, as stages and targets see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebuild.core.dossier import SOURCE
from edgebuild.core.graph import Clock
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import Refused
from edgebuild.plan.candidate import CandidatePlan
from edgebuild.plan.held import Ground
from edgebuild.plan.interface import as_packaged
from edgebuild.plan.samples import CALIBRATION_STEPS
from edgebuild.plan.shared import SPLITS, Shared
from edgebuild.plan.training import SpecTraining
from edgebuild.runtimes.base import Target


@dataclass
class TargetLowering:
    """What stages and targets see of the graph while recipes become steps for one target (see `Lowering`)."""

    shared: Shared
    name: str
    target: Target
    measured: bool
    """Whether its device is this machine, and runs on it are asked for."""
    facts: Artifact
    at_most: int | None = None
    """Samples of a split, where the evidence is not worth more."""
    ground: Ground = field(default_factory=Ground)
    candidates: list[CandidatePlan] = field(default_factory=list)
    candidate: str = SOURCE
    """Name of the one whose steps are being added."""

    def add(self, step: Step, label: str = "") -> Artifact:
        """Add a step under the target's and the candidate's name."""
        return self.shared.add(step, f"{self.name}: {self.candidate}: {label}")

    def convert(self, model: Artifact, source: str, target: str) -> Artifact:
        """See `Shared.convert`."""
        return self.shared.convert(model, source, target)

    def calibration(self) -> Artifact:
        """The checked calibration split; of sequences, their steps.

        Raises:
            Refused: the spec has none.
        """
        if "calibrate" not in self.shared.spec.data.splits:
            raise Refused(
                by="plan",
                why="static quantization needs samples to calibrate with, and the spec has no `calibrate` split.",
                fix="Add `calibrate: 300` under `data.splits`.",
                kind="not applicable",
            )
        return self.shared.calibration

    @property
    def searched(self) -> bool:
        """Whether its candidates differ in how they are loaded."""
        return any(entrant.call != self.candidates[0].call for entrant in self.candidates)

    @property
    def judges_parity(self) -> bool:
        """Whether a budget asks how near an artifact is to the source."""
        return any(budget.quantity == "parity" for budget in self.shared.spec.budgets.get(self.name, ()))

    @property
    def surroundings(self) -> Mapping[str, Any]:
        """See `Lowering`."""
        shapes = self.shared.spec.model.shapes
        loop = self.shared.loop
        return {
            **as_packaged(self.shared.spec.interface),
            "labels": self.shared.labels,
            "shapes": shapes,
            "states": dict(loop.states) if loop else {},
            "initial": dict(loop.initial) if loop else {},
        }

    @property
    def threads(self) -> int:
        """That the runtime is given."""
        return int(self.target.call().options.get("threads", 1))

    def has(self, name: str) -> bool:
        """See `Lowering`."""
        return name in self.shared.spec.data.splits

    def runs(self, name: str) -> Artifact:
        """A split as single runs, for what tries many mixtures and judges them by their answers.

        Raises:
            Refused: the spec has no such split.
        """
        samples = self.split(name)
        return self.shared.unrolled(samples, name, CALIBRATION_STEPS) if self.shared.loop else samples

    def split(self, name: str) -> Artifact:
        """The samples of a split that are run for this target.

        Raises:
            Refused: the spec has no such split.
        """
        if not self.has(name):
            why = f"it needs samples, and the spec has no `{name}` split."
            raise Refused(by="plan", why=why, fix=f"Add `{name}` under `data.splits`.", kind="not applicable")
        return self.shared.split(name, self.at_most if name in SPLITS else None)

    @property
    def clock(self) -> Clock | None:
        """See `Lowering`."""
        if not self.measured:
            return None
        return Clock(facts=self.facts, samples=self.shared.feeds, threads=self.threads)

    def code(self, reference: str) -> UserCode:
        """A function of the user's, with everything it consists of."""
        return self.shared.code(reference)

    @property
    def training(self) -> SpecTraining:
        """See `Lowering`."""
        return SpecTraining(self.shared)
