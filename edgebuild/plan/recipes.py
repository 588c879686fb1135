"""A recipe on a target → the model it ends with."""

from __future__ import annotations

from pathlib import Path

from edgebuild.compress.base import Draft, Recipe
from edgebuild.core.dossier import SOURCE
from edgebuild.errors import Refused
from edgebuild.models.routes import model_format
from edgebuild.plan.making import recipe_digest
from edgebuild.plan.model import built_as
from edgebuild.plan.target import TargetLowering

WORKED_ON = ("keras", "onnx")
"""Formats that stages work on and no target loads."""


def completed(to: TargetLowering, recipe: Recipe) -> Draft:
    """A recipe's artifact as it ships; one that comes after another starts from that one's, and is left as it is.

    Raises:
        Refused: a stage cannot be taken, or this runtime has no candidate of that name.
    """
    if recipe.after is None:
        return to.target.finish(to, drafted(to, recipe))
    draft = completed(to, base(to, recipe))
    draft = draft.model_copy(update={"slot": recipe.slot})
    for stage in recipe.stages:
        draft = stage.lower(to, draft, to.target)
    return draft


def base(to: TargetLowering, recipe: Recipe) -> Recipe:
    """The recipe that another comes after.

    Raises:
        Refused: this runtime has none of that name.
    """
    found = to.shared.spec.recipe(to.target, recipe.after or SOURCE)
    if found is None:
        why = f"`after: {recipe.after}` names a candidate that this runtime does not have."
        raise Refused(by="plan", why=why, fix="Leave it to other targets by `candidates`.", kind="not applicable")
    to.target.admits(found)
    return found


def origin(to: TargetLowering, recipe: Recipe) -> str:
    """What a recipe starts from, as its digest counts it: a model of the user's own, or another candidate."""
    if recipe.after is None:
        return to.shared.own_digest(recipe.source)
    found = to.shared.spec.recipe(to.target, recipe.after)
    return recipe_digest(found, origin(to, found)) if found else recipe.after


def drafted(to: TargetLowering, recipe: Recipe) -> Draft:
    """The recipe's stages on its start.

    Raises:
        Refused: a stage cannot be taken.
    """
    own = to.target.format
    begun = built_as(model_format(Path(recipe.source))) if recipe.source else to.shared.format
    form = (recipe.stages[0].takes(begun) if recipe.stages else "") or own
    start = to.shared.own(recipe.source, form) if recipe.source else to.shared.admitted(form)
    draft = Draft(model=start, format=form, slot=recipe.slot)
    for stage in recipe.stages:
        draft = stage.lower(to, in_format(to, draft, stage.takes(draft.format), own), to.target)
    return in_format(to, draft, "", own)


def in_format(to: TargetLowering, draft: Draft, wanted: str, own: str) -> Draft:
    """The draft as a stage takes it; what the target's own stages make of its format is theirs.

    Raises:
        Refused: no route leads there.
    """
    form = wanted or (own if draft.format in WORKED_ON else draft.format)
    if draft.format == form:
        return draft
    return draft.model_copy(update={"model": to.convert(draft.model, draft.format, form), "format": form})
