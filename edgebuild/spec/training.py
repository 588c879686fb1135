"""`train:` of a spec, and what the stages of candidates need of it and of the files beside it."""

from __future__ import annotations

from typing import Any

from edgebuild.compress.base import Recipe, Stage
from edgebuild.compress.train.settings import Training
from edgebuild.core.wires import FileDigest
from edgebuild.data.sources import digest_path
from edgebuild.documents import Loc
from edgebuild.spec.check import Checker
from edgebuild.spec.files import function
from edgebuild.spec.models import own_model


def training(checker: Checker, section: Training) -> Training:
    """The section with its function found."""
    fit = function(checker, ("train", "fit"), section.fit) if section.fit is not None else None
    return section.model_copy(update={"fit": fit})


def check_stage(checker: Checker, loc: Loc, made: Stage) -> Stage:
    """A stage with its functions found; splits and models that it cannot do without must be there too."""
    found = {key: function(checker, (*loc, key), reference) for key, reference in made.functions.items()}
    for key, name in made.models.items():
        model = own_model(checker, (*loc, key), name)
        if model and checker.models.setdefault(name, model[0]) != model[0]:
            fix = "Write one of them with its whole path."
            checker.say((*loc, key), f"another file of this spec is called `{name}` too.", fix)
    section = checker.document.value.get("data")
    splits: Any = section.get("splits") if isinstance(section, dict) else None
    for name in made.splits if isinstance(splits, dict) else ():
        if name not in splits:
            fix = f"Add `{name}` under `data.splits`: `{name}: 60 %` leaves the rest to the others."
            checker.say(loc, f"needs samples, and `data.splits` has no `{name}`.", fix, key=True)
    return made.model_copy(update=found) if found else made


def settled(checker: Checker, recipes: dict[str, Recipe], section: Training) -> dict[str, Recipe]:
    """Recipes whose stages say all that `train:` says for them, with the digests of files they name."""
    done = {}
    for name, recipe in recipes.items():
        stages = tuple(stage.settled(section) for stage in recipe.stages)
        files = tuple(dict.fromkeys(file for stage in stages for file in named_files(checker, stage)))
        done[name] = recipe.model_copy(update={"stages": stages, "files": files}) if files or stages else recipe
    return done


def named_files(checker: Checker, stage: Stage) -> list[FileDigest]:
    """The files of a stage's functions and models, by digest."""
    folder = checker.document.file.parent.absolute()
    names = [reference.rpartition(":")[0] for reference in stage.functions.values()]
    found = [FileDigest(path=name, digest=digest_path(folder / name)) for name in names if (folder / name).is_file()]
    models = {name: checker.models[name] for name in stage.models.values() if name in checker.models}
    return found + [FileDigest(path=name, digest=digest_path(path)) for name, path in models.items()]
