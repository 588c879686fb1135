"""One candidate on a target → its artifact, and the steps that tell what it is worth."""

from __future__ import annotations

from dataclasses import replace

from edgebuild.compress.base import Recipe
from edgebuild.core.dossier import REPORT, Call
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.measure.layers import CompareLayers
from edgebuild.measure.memory import MeasureMemory
from edgebuild.plan.candidate import CandidatePlan
from edgebuild.plan.making import HoldToLock, makeable, recipe_digest
from edgebuild.plan.recipes import completed, origin
from edgebuild.plan.shared import SPLITS
from edgebuild.plan.target import TargetLowering


def lower_candidate(
    to: TargetLowering, name: str, recipe: Recipe, refused: Refused | None = None, setting: str = ""
) -> CandidatePlan:
    """Add everything about one candidate: its artifact, predictions, memory and account.

    Args:
        to: where the steps go.
        name: of the candidate.
        recipe: what it is made by.
        refused: why it is not to be made at all.
        setting: what is put behind its name where the target's options are searched.
    """
    to.candidate = name = name + setting
    words, draft = to.target.describe(recipe), None
    try:
        if refused is not None:
            raise refused
        to.target.admits(recipe)
        draft = completed(to, recipe)
        words = "; ".join(draft.words) or words
        model = draft.model
    except Refused as error:
        refused, model = error, to.shared.decline(error)
    if setting:
        words += f"; with {setting.removeprefix('.').replace('.', ', ').replace('-', ' ')}"
    plan = evidence(to, name, words, recipe, model, refused)
    if draft is not None:
        plan = replace(plan, found=draft.found, told=draft.told)
    to.candidates.append(plan)
    return plan


def evidence(
    to: TargetLowering, name: str, words: str, recipe: Recipe, model: Artifact, refused: Refused | None
) -> CandidatePlan:
    """Predictions on both splits, memory where the device is measured, the account of operations."""
    call = to.shared.looped(to.target.call())
    made, model = model, held_to_lock(to, name, model)
    memory = footprint(to, model, call)
    predictions = {split: predicted(to, split, model, call, name) for split in SPLITS}
    shown = to.shared.feeds if to.shared.loop else to.split(REPORT)
    beside = to.target.beside(model, memory, shown, predictions[REPORT])
    return CandidatePlan(
        name=name,
        words=words,
        required=recipe.required,
        changes=len(recipe.stages) + (recipe.source is not None) + (recipe.after is not None),
        recipe=recipe_digest(recipe, origin(to, recipe)),
        made=made,
        model=model,
        call=call,
        config=to.target.config(),
        predictions=predictions,
        memory=memory,
        account=to.add(to.target.account(model, to.shared.feeds), "account of operations"),
        layers=layers(to, recipe, model, call),
        beside=to.add(beside, "write what ships beside it") if beside else None,
        refusal=refused,
    )


def predicted(to: TargetLowering, split: str, model: Artifact, call: Call, name: str) -> Artifact:
    """What a candidate's artifact says of a split."""
    label = f"{to.name}: {name}: predict {split}"
    return to.shared.predictions(model, call, to.split(split), label, to.target.runs_on)


def layers(to: TargetLowering, recipe: Recipe, model: Artifact, call: Call) -> Artifact | None:
    """The comparison with the source layer by layer, of what is not compressed, with a budget on parity."""
    if recipe.stages or not to.judges_parity:
        return None
    step = CompareLayers(
        model=model,
        call=call,
        reference=to.shared.source,
        reference_call=to.shared.reference_call,
        samples=to.shared.whole_inputs(to.shared.feeds, "the inputs of runs"),
        versions=to.shared.versions(to.target),
    )
    return to.add(step, "compare the layers")


def footprint(to: TargetLowering, model: Artifact, call: Call) -> Artifact | None:
    """As the runtime tells it without the device, else measured where the device is this machine."""
    step: Step | None = to.target.footprint(model)
    if step is None and to.measured:
        step = MeasureMemory(
            model=model,
            call=call,
            samples=to.shared.feeds,
            facts=to.facts,
            threads=to.threads,
            max_age_s=to.shared.spec.max_age_s,
        )
    return to.add(step, "measure memory") if step else None


def held_to_lock(to: TargetLowering, name: str, made: Artifact) -> Artifact:
    """The bytes that a lock pins, where it is to stand and this candidate ships."""
    digest = to.ground.pinned(to.name, name)
    if not digest:
        return made
    path = to.ground.at_hand.get(digest)
    step = HoldToLock(
        digest=digest,
        name=made.filename,
        made=made.attempt() if makeable(to.shared.graph, made) else None,
        stored=to.shared.stored(path, digest, made.filename).attempt() if path else None,
    )
    return to.add(step, "hold to the lock")
