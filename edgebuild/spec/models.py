"""Models that a spec names: the source, and candidates of the user's own."""

from __future__ import annotations

import os
from pathlib import Path

from edgebuild.documents import Loc, neighbours
from edgebuild.errors import did_you_mean
from edgebuild.models import torch_files
from edgebuild.models.routes import FOLDS, FORMATS
from edgebuild.spec.check import Checker
from edgebuild.spec.files import located
from edgebuild.spec.records import Model, ModelSection
from edgebuild.spec.sequences import check_sequences

SUFFIXES = {".onnx": "onnx-file", ".keras": "keras", ".h5": "h5", ".hdf5": "h5", ".tflite": "tflite"}
SAVED_MODEL = "saved_model.pb"


def model(checker: Checker, section: ModelSection) -> Model | None:
    """The network, found."""
    loc: Loc = ("model", "source")
    found = own_model(checker, loc, section.source)
    if not found:
        return None
    check_builder(checker, section.builder, found[1])
    check_constants(checker, section, found[1])
    check_sequences(checker, section.inputs)
    fields = {name: getattr(section, name) for name in type(section).model_fields}
    return Model(**fields, path=str(found[0]), format=found[1])


def check_builder(checker: Checker, builder: str | None, form: str) -> None:
    """Weights need a function that makes their module; nothing else has one."""
    if form == "torch-weights" and not builder:
        fix = (
            "Name a function that returns the module and example inputs, `builder: model.py:build`; or export a `.pt2`."
        )
        checker.say(("model", "source"), "holds weights alone, without the module that they belong to.", fix)
    elif form != "torch-weights" and builder:
        checker.say(
            ("model", "builder"), "belongs to files of torch weights; this source is a whole model.", "Remove it."
        )


def check_constants(checker: Checker, section: ModelSection, form: str) -> None:
    """A constant goes into formats that can be written again with it, and is fed by nothing else."""
    for name, entry in section.inputs.items():
        loc: Loc = ("model", "inputs", name)
        if entry.constant is None:
            continue
        if form not in FOLDS:
            fix = "Export the model again without the input, or bring it as ONNX, Keras or SavedModel."
            checker.say((*loc, "constant"), f"nothing can be folded into a model in the form {FORMATS[form]}.", fix)
        if entry.data is not None:
            checker.say((*loc, "data"), "has no meaning beside `constant`.", "Remove one of them.")


def own_model(checker: Checker, loc: Loc, source: str) -> tuple[Path, str] | None:
    """A model file by what the spec calls it, and its format; None, and a problem, where it is none."""
    path = model_path(checker, loc, source)
    form = model_format(checker, loc, path) if path else None
    return (path, form) if path and form else None


def model_path(checker: Checker, loc: Loc, source: str) -> Path | None:
    """Where a model lies: a path, or a scheme with what it means."""
    scheme, separator, rest = source.partition("://")
    if not separator:
        return located(checker, loc, source, folder_too=True)
    if scheme == "package":
        return packaged(checker, loc, rest)
    if scheme == "registry":
        fix = "Name a file, or `package://distribution/path` of an installed package."
        checker.not_yet(loc, "model registries", fix)
    else:
        near = did_you_mean(scheme, ["package", "registry"])
        checker.say(loc, f"nothing is fetched from `{scheme}://`{near or '.'}", "Download it and name the file.")
    return None


def packaged(checker: Checker, loc: Loc, rest: str) -> Path | None:
    """A file of an installed distribution; nothing is fetched."""
    from importlib.metadata import PackageNotFoundError, distribution

    name, _, inside = rest.partition("/")
    if not name or not inside:
        checker.say(loc, "names no file of a package.", "Write `package://distribution/path/in/it`.")
        return None
    try:
        found = distribution(name)
    except (PackageNotFoundError, ValueError):
        checker.say(loc, f"the package `{name}` is not installed here.", f"Run `pip install {name}`.")
        return None
    path = Path(str(found.locate_file(inside)))
    if path.exists():
        return Path(os.path.normpath(path.absolute()))
    files = [str(file) for file in found.files or ()]
    near = did_you_mean(inside, files) or did_you_mean(f"{name}/{inside}", files)
    models = [file for file in files if Path(file).suffix in SUFFIXES or file.endswith(SAVED_MODEL)]
    fix = f"Models in it: {', '.join(models[:5])}." if models else "It holds no model file."
    checker.say(loc, f"`{name}` {found.version} has no file `{inside}`{near or '.'}", fix)
    return None


def model_format(checker: Checker, loc: Loc, path: Path) -> str | None:
    """Format of a model file; None, and a problem, where it is none we read."""
    if path.is_dir():
        if (path / SAVED_MODEL).is_file():
            return "savedmodel"
        inside = [name for name in neighbours(path / "x") if Path(name).suffix in SUFFIXES]
        fix = f"Name a file in it: {', '.join(inside[:5])}." if inside else "Name a model file."
        checker.say(loc, f"the folder `{path.name}` is no SavedModel: it has no `{SAVED_MODEL}`.", fix)
        return None
    form = SUFFIXES.get(path.suffix.lower())
    of_torch = path.suffix.lower() in torch_files.SUFFIXES
    if form is None and not of_torch:
        known = ", ".join(f"`{suffix}`" for suffix in (*SUFFIXES, *torch_files.SUFFIXES))
        checker.say(loc, f"`{path.name}` is no kind of model we read.", f"Known: {known}, or a SavedModel folder.")
    elif path.stat().st_size == 0:
        checker.say(loc, f"`{path.name}` is empty.", "Export the model again.")
        return None
    elif path.stat().st_size < 200 and path.read_bytes().startswith(b"version https://git-lfs"):
        checker.say(loc, f"`{path.name}` is a pointer of Git LFS, not the model.", "Run `git lfs pull`.")
        return None
    return torch_model(checker, loc, path) if of_torch else form


def torch_model(checker: Checker, loc: Loc, path: Path) -> str | None:
    """Format of a file of torch's."""
    try:
        return torch_files.torch_format(path)
    except ValueError as error:
        fix = "Save it again: `torch.export.save(…)`, or `torch.save(model.state_dict(), …)` with a `builder`."
        checker.say(loc, f"`{path.name}` {error}.", fix)
        return None
