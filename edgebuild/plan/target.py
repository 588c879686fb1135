"""The part of the graph that belongs to one target: its candidates, their evidence, the decision, the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgebuild.compress.base import Draft, Recipe
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Clock
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.errors import Refused
from edgebuild.measure.layers import CompareLayers
from edgebuild.measure.memory import MeasureMemory
from edgebuild.models.routes import model_format
from edgebuild.plan.candidate import CandidatePlan
from edgebuild.plan.held import Ground
from edgebuild.plan.interface import as_packaged
from edgebuild.plan.making import HoldToLock, makeable, recipe_digest
from edgebuild.plan.model import built_as
from edgebuild.plan.shared import CALIBRATION_STEPS, SPLITS, Shared
from edgebuild.plan.training import SpecTraining
from edgebuild.runtimes.base import Target
from edgebuild.spec.records import SOURCE

WORKED_ON = ("keras", "onnx")
"""Formats that stages work on and no target loads."""


@dataclass
class TargetLowering:
    """Turns recipes into steps for one target; what stages and targets see of the graph."""

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
    _candidate: str = SOURCE

    def add(self, step: Step, label: str = "") -> Artifact:
        """Add a step under the target's and the candidate's name."""
        return self.shared.add(step, f"{self.name}: {self._candidate}: {label}")

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

    def lower(self, name: str, recipe: Recipe, refused: Refused | None = None, setting: str = "") -> CandidatePlan:
        """Add everything about one candidate: its artifact, predictions, memory and account.

        Args:
            name: of the candidate.
            recipe: what it is made by.
            refused: why it is not to be made at all.
            setting: what is put behind its name where the target's options are searched.
        """
        self._candidate = name = name + setting
        words, draft = self.target.describe(recipe), None
        try:
            if refused is not None:
                raise refused
            self.target.admits(recipe)
            draft = self.completed(recipe)
            words = "; ".join(draft.words) or words
            model = draft.model
        except Refused as error:
            refused, model = error, self.shared.decline(error)
        if setting:
            words += f"; with {setting.removeprefix('.').replace('.', ', ').replace('-', ' ')}"
        plan = self.evidence(name, words, recipe, model, refused)
        if draft is not None:
            plan = replace(plan, found=draft.found, told=draft.told)
        self.candidates.append(plan)
        return plan

    def completed(self, recipe: Recipe) -> Draft:
        """A recipe's artifact as it ships; one that comes after another starts from that one's, and is left as it is.

        Raises:
            Refused: a stage cannot be taken, or this runtime has no candidate of that name.
        """
        if recipe.after is None:
            return self.target.finish(self, self.drafted(recipe))
        draft = self.completed(self.base(recipe))
        draft = draft.model_copy(update={"slot": recipe.slot})
        for stage in recipe.stages:
            draft = stage.lower(self, draft, self.target)
        return draft

    def base(self, recipe: Recipe) -> Recipe:
        """The recipe that another comes after.

        Raises:
            Refused: this runtime has none of that name.
        """
        found = self.shared.spec.recipe(self.target, recipe.after or SOURCE)
        if found is None:
            why = f"`after: {recipe.after}` names a candidate that this runtime does not have."
            raise Refused(by="plan", why=why, fix="Leave it to other targets by `candidates`.", kind="not applicable")
        self.target.admits(found)
        return found

    def origin(self, recipe: Recipe) -> str:
        """What a recipe starts from, as its digest counts it: a model of the user's own, or another candidate."""
        if recipe.after is None:
            return self.shared.own_digest(recipe.source)
        found = self.shared.spec.recipe(self.target, recipe.after)
        return recipe_digest(found, self.origin(found)) if found else recipe.after

    def drafted(self, recipe: Recipe) -> Draft:
        """The recipe's stages on its start.

        Raises:
            Refused: a stage cannot be taken.
        """
        own = self.target.format
        begun = built_as(model_format(Path(recipe.source))) if recipe.source else self.shared.format
        form = (recipe.stages[0].takes(begun) if recipe.stages else "") or own
        start = self.shared.own(recipe.source, form) if recipe.source else self.shared.admitted(form)
        draft = Draft(model=start, format=form, slot=recipe.slot)
        for stage in recipe.stages:
            draft = stage.lower(self, self.in_format(draft, stage.takes(draft.format), own), self.target)
        return self.in_format(draft, "", own)

    def in_format(self, draft: Draft, wanted: str, own: str) -> Draft:
        """The draft as a stage takes it; what the target's own stages make of its format is theirs.

        Raises:
            Refused: no route leads there.
        """
        form = wanted or (own if draft.format in WORKED_ON else draft.format)
        if draft.format == form:
            return draft
        return draft.model_copy(update={"model": self.convert(draft.model, draft.format, form), "format": form})

    def evidence(
        self, name: str, words: str, recipe: Recipe, model: Artifact, refused: Refused | None
    ) -> CandidatePlan:
        """Predictions on both splits, memory where the device is measured, the account of operations."""
        call = self.shared.looped(self.target.call())
        made, model = model, self.held_to_lock(name, model)
        memory = self.memory(model, call)
        predictions = {split: self.predicted(split, model, call, name) for split in SPLITS}
        shown = self.shared.feeds if self.shared.loop else self.split("report")
        beside = self.target.beside(model, memory, shown, predictions["report"])
        return CandidatePlan(
            name=name,
            words=words,
            required=recipe.required,
            changes=len(recipe.stages) + (recipe.source is not None) + (recipe.after is not None),
            recipe=recipe_digest(recipe, self.origin(recipe)),
            made=made,
            model=model,
            call=call,
            config=self.target.config(),
            predictions=predictions,
            memory=memory,
            account=self.add(self.target.account(model, self.shared.feeds), "account of operations"),
            layers=self.layers(recipe, model, call),
            beside=self.add(beside, "write what ships beside it") if beside else None,
            refusal=refused,
        )

    def predicted(self, split: str, model: Artifact, call: Call, name: str) -> Artifact:
        """What a candidate's artifact says of a split."""
        label = f"{self.name}: {name}: predict {split}"
        return self.shared.predictions(model, call, self.split(split), label, self.target.runs_on)

    def layers(self, recipe: Recipe, model: Artifact, call: Call) -> Artifact | None:
        """The comparison with the source layer by layer, of what is not compressed, with a budget on parity."""
        budgets = self.shared.spec.budgets.get(self.name, ())
        if recipe.stages or not any(budget.quantity == "parity" for budget in budgets):
            return None
        step = CompareLayers(
            model=model,
            call=call,
            reference=self.shared.source,
            reference_call=self.shared.reference_call,
            samples=self.shared.whole_inputs(self.shared.feeds, "the inputs of runs"),
            versions=self.shared.versions(self.target),
        )
        return self.add(step, "compare the layers")

    def memory(self, model: Artifact, call: Call) -> Artifact | None:
        """As the runtime tells it without the device, else measured where the device is this machine."""
        step: Step | None = self.target.footprint(model)
        if step is None and self.measured:
            step = MeasureMemory(
                model=model,
                call=call,
                samples=self.shared.feeds,
                facts=self.facts,
                threads=self.threads,
                max_age_s=self.shared.spec.max_age_s,
            )
        return self.add(step, "measure memory") if step else None

    def held_to_lock(self, name: str, made: Artifact) -> Artifact:
        """The bytes that a lock pins, where it is to stand and this candidate ships."""
        digest = self.ground.pinned(self.name, name)
        if not digest:
            return made
        path = self.ground.at_hand.get(digest)
        step = HoldToLock(
            digest=digest,
            name=made.filename,
            made=made.attempt() if makeable(self.shared.graph, made) else None,
            stored=self.shared.stored(path, digest, made.filename).attempt() if path else None,
        )
        return self.add(step, "hold to the lock")
