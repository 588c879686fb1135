"""The part of the graph that belongs to one target: its candidates, their evidence, the decision, the package."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgebuild.compress.base import Draft, Recipe
from edgebuild.core.dossier import Call
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.measure.memory import MeasureMemory
from edgebuild.plan.shared import SPLITS, Shared
from edgebuild.runtimes.base import Target

SOURCE = "source"
"""Name of the untouched model; it is a candidate of every target."""


@dataclass(frozen=True)
class CandidatePlan:
    """One recipe on one target, as wires."""

    name: str
    words: str
    """What it becomes on this runtime."""
    required: bool
    model: Artifact
    call: Call
    predictions: dict[str, Artifact]
    memory: Artifact | None
    account: Artifact
    refusal: Refused | None = None
    """Known before any work."""


@dataclass
class TargetLowering:
    """Turns recipes into steps for one target; what stages and targets see of the graph."""

    shared: Shared
    name: str
    target: Target
    here: bool
    """Whether its device is this machine."""
    facts: Artifact
    threads: int = 1
    candidates: list[CandidatePlan] = field(default_factory=list)
    _candidate: str = SOURCE

    def add(self, step: Step, label: str = "") -> Artifact:
        """Add a step under the target's and the candidate's name."""
        return self.shared.graph.add(step, f"{self.shared.spec.name}: {self.name}: {self._candidate}: {label}")

    def convert(self, model: Artifact, source: str, target: str) -> Artifact:
        """See `Shared.convert`."""
        return self.shared.convert(model, source, target)

    def calibration(self) -> Artifact:
        """The checked calibration split.

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
        return self.shared.checked / "calibrate"

    def lower(self, name: str, recipe: Recipe) -> CandidatePlan:
        """Add everything about one candidate: its artifact, predictions, memory and account."""
        self._candidate = name
        refused: Refused | None = None
        words = self.target.describe(recipe)
        try:
            self.target.admits(recipe)
            draft = self.target.finish(self, self.drafted(recipe))
            words = "; ".join(draft.words) or words
            model = draft.model
        except Refused as error:
            refused, model = error, self.shared.decline(error)
        plan = self.evidence(name, words, recipe.required, model, refused)
        self.candidates.append(plan)
        return plan

    def drafted(self, recipe: Recipe) -> Draft:
        """The recipe's stages on its start.

        Raises:
            Refused: a stage cannot be taken.
        """
        form = self.target.format
        start = self.shared.own(recipe.source, form) if recipe.source else self.shared.admitted(form)
        draft = Draft(model=start, format=form)
        for stage in recipe.stages:
            draft = stage.lower(self, draft, self.target)
        return draft

    def evidence(
        self, name: str, words: str, required: bool, model: Artifact, refused: Refused | None
    ) -> CandidatePlan:
        """Predictions on both splits, memory where the device is here, the account of operations."""
        call = self.target.call()
        label = f"{self.name}: {name}"
        memory = None
        samples = self.shared.checked / "select"
        if self.here:
            memory = self.add(
                MeasureMemory(model=model, call=call, samples=samples, facts=self.facts), "measure memory"
            )
        return CandidatePlan(
            name=name,
            words=words,
            required=required,
            model=model,
            call=call,
            predictions={split: self.shared.predictions(model, call, split, label) for split in SPLITS},
            memory=memory,
            account=self.add(self.target.account(model, samples), "account of operations"),
            refusal=refused,
        )
