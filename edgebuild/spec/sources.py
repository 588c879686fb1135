"""Sections that name files: the model, the samples, the interface, the package."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from edgebuild.documents import Loc
from edgebuild.errors import did_you_mean
from edgebuild.reads import environ, probed
from edgebuild.runtimes import TARGETS
from edgebuild.shipped import shipped
from edgebuild.spec.check import Checker
from edgebuild.spec.files import function, globs, located, readable_labels
from edgebuild.spec.models import own_model
from edgebuild.spec.records import Data, DataSection, Interface, Package, PackageSection
from edgebuild.spec.references import fill

Kind = Literal["function", "archive", "images"]


def roots(checker: Checker) -> None:
    """Fill `${root}` in the data section with the folder that each root's variable names."""
    section = checker.document.value.get("data")
    given = section.get("roots") if isinstance(section, dict) else None
    if not isinstance(given, dict):
        return
    folders: dict[str, Any] = {}
    for name, entry in given.items():
        variable = entry.get("env") if isinstance(entry, dict) else None
        if not isinstance(variable, str):
            continue
        folder = environ(variable)
        loc = ("data", "roots", name, "env")
        if not folder:
            fix = f"Run `export {variable}=/path/to/{name}`."
            checker.say(loc, f"the environment variable `{variable}` is not set.", fix)
        elif not probed(Path(folder)).is_dir():
            checker.say(loc, f"`{variable}` names no folder: {folder}.", "Correct the variable.")
        else:
            folders[name] = str(Path(folder).absolute())
    # One that is not set has its problem already; what mentions it has none of its own.
    fill(checker, ("data",), lambda name: folders.get(name, name) if name in given else None)


def data(checker: Checker, section: DataSection) -> Data | None:
    """The samples, found."""
    found = samples(checker, ("data", "source"), section.source)
    fields = {name: getattr(section, name) for name in type(section).model_fields}
    fields["inputs"] = globs(checker, section.inputs)
    return Data(**fields, kind=found[0], path=found[1], reference=found[2]) if found else None


def samples(checker: Checker, loc: Loc, source: str) -> tuple[Kind, str, str] | None:
    """What yields the samples: kind, absolute path, and the reference where it is a function."""
    if source.partition(":")[0].endswith(".py"):
        reference = function(checker, loc, source)
        if reference is None:
            return None
        path = checker.document.file.parent.absolute() / reference.rpartition(":")[0]
        return "function", os.path.normpath(path), reference
    place = located(checker, loc, source, folder_too=True)
    if place is None:
        return None
    if not place.is_dir() and place.suffix != ".npz":
        fix = "Name `file.py:function`, an `.npz` archive, or a folder with one folder of images for each class."
        checker.say(loc, f"`{place.name}` is no source of samples.", fix)
        return None
    return "images" if place.is_dir() else "archive", str(place), ""


def unfinished(checker: Checker, plain: dict[str, Any], written: dict[str, Any]) -> None:
    """Sections that are wrong elsewhere name files too; these are looked for all the same."""
    places: dict[Loc, Callable[[Checker, Loc, str], Any]] = {
        ("model", "source"): own_model,
        ("data", "source"): samples,
        ("package", "templates"): templates,
    }
    for (name, key), look in places.items():
        section = plain.get(str(name))
        value = section.get(key) if isinstance(section, dict) else None
        if name not in written and isinstance(value, str) and checker.sound(name, key):
            look(checker, (name, key), value)


def interface(checker: Checker, section: Interface) -> Interface:
    """The interface with the paths of its files."""
    outputs = {}
    for name, entry in section.outputs.items():
        loc: Loc = ("interface", "outputs", name, "labels")
        path = located(checker, loc, entry.labels) if entry.labels is not None else None
        if path is not None:
            readable_labels(checker, loc, path)
        outputs[name] = entry.model_copy(update={"labels": str(path)}) if path else entry
    return section.model_copy(update={"outputs": outputs})


def idle_templates(checker: Checker, folder: Path) -> None:
    """A template that hides none of ours, and is not in a runtime's folder, would never be rendered."""
    ours = shipped("templates")
    known = sorted(path.relative_to(ours).as_posix() for path in ours.rglob("*.j2"))
    for path in sorted(folder.rglob("*.j2")):
        name = path.relative_to(folder).as_posix()
        if name not in known and name.split("/")[0] not in TARGETS:
            near = next((other for other in known if other.endswith(f"/{path.name}")), "")
            hint = f"; did you mean `{near}`?" if near else did_you_mean(name, known) or "."
            fix = f"Lay the folder out like the shipped one: {', '.join(known)}."
            checker.say(("package", "templates"), f"nothing renders `{name}`{hint}", fix)
            return


def package(checker: Checker, section: PackageSection) -> Package:
    """What else goes into a package, found."""
    found = [
        located(checker, ("package", "files", index), name, folder_too=True) for index, name in enumerate(section.files)
    ]
    names = [path.name for path in found if path]
    for index, path in enumerate(found):
        if path and names.count(path.name) > 1:
            what = f"two files are called `{path.name}`."
            checker.say(("package", "files", index), what, "A package holds one of each name; rename one.")
    folder = templates(checker, ("package", "templates"), section.templates) if section.templates is not None else None
    return Package(files=tuple(str(path) for path in found if path), templates=folder)


def templates(checker: Checker, loc: Loc, name: str) -> str | None:
    """The folder of the user's own templates, absolute."""
    folder = located(checker, loc, name, folder_too=True)
    if folder and not folder.is_dir():
        checker.say(loc, f"`{name}` is no folder.", "Name the folder of templates.")
    elif folder:
        idle_templates(checker, folder)
    return str(folder) if folder else None
