"""Files that a spec names: the model, the samples, functions, labels; each found, or a problem with what is near."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from edgebuild.documents import Loc, neighbours
from edgebuild.errors import did_you_mean
from edgebuild.runtimes import TARGETS
from edgebuild.shipped import shipped
from edgebuild.spec.check import Checker
from edgebuild.spec.compose import fill
from edgebuild.spec.records import Data, DataSection, Interface, Model, ModelSection, Package, PackageSection

SUFFIXES = {".onnx": "onnx-file", ".keras": "keras", ".h5": "h5", ".hdf5": "h5", ".tflite": "tflite"}
SAVED_MODEL = "saved_model.pb"


def located(checker: Checker, loc: Loc, path: str, folder_too: bool = False) -> Path | None:
    """A file the spec names, absolute; None, and a problem, where there is none."""
    found = Path(os.path.normpath(checker.document.place(loc).folder.absolute() / Path(path).expanduser()))
    try:
        exists = found.exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        near = did_you_mean(found.name, neighbours(found)) if "\0" not in path else ""
        kind = "file or folder" if folder_too else "file"
        checker.say(
            loc, f"there is no {kind} `{path}`{near or '.'}", "Paths start in the folder of the file they stand in."
        )
        return None
    if found.is_dir() and not folder_too:
        checker.say(loc, f"`{path}` is a folder, not a file.", "Name a file in it.")
        return None
    return found


def model(checker: Checker, section: ModelSection) -> Model | None:
    """The network, found."""
    loc: Loc = ("model", "source")
    path = own_model(checker, loc, section.source)
    if path is None:
        return None
    form = model_format(checker, loc, path)
    if form is None:
        return None
    return Model(**section.model_dump(), path=str(path), format=form)


def own_model(checker: Checker, loc: Loc, source: str) -> Path | None:
    """A model file by what the spec calls it."""
    scheme, separator, rest = source.partition("://")
    if not separator:
        return located(checker, loc, source, folder_too=True)
    if scheme == "package":
        return packaged(checker, loc, rest)
    if scheme == "registry":
        fix = "Name a file, or `package://distribution/path` of an installed package."
        checker.say(loc, "not yet: this release has no model registries.", fix)
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
        checker.say(loc, f"the package `{name}` is not installed here.", f"pip install {name}")
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
    if form is None:
        known = ", ".join(f"`{suffix}`" for suffix in SUFFIXES)
        checker.say(loc, f"`{path.name}` is no kind of model we read.", f"Known: {known}, or a SavedModel folder.")
    elif path.stat().st_size == 0:
        checker.say(loc, f"`{path.name}` is empty.", "Export the model again.")
        return None
    elif path.stat().st_size < 200 and path.read_bytes().startswith(b"version https://git-lfs"):
        checker.say(loc, f"`{path.name}` is a pointer of Git LFS, not the model.", "git lfs pull")
        return None
    return form


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
        folder = os.environ.get(variable)
        loc = ("data", "roots", name, "env")
        if not folder:
            checker.say(loc, f"the environment variable `{variable}` is not set.", f"export {variable}=/path/to/{name}")
        elif not Path(folder).is_dir():
            checker.say(loc, f"`{variable}` names no folder: {folder}.", "Correct the variable.")
        else:
            folders[name] = str(Path(folder).absolute())
    # One that is not set has its problem already; what mentions it has none of its own.
    fill(checker, ("data",), lambda name: folders.get(name, name) if name in given else None)


def function(checker: Checker, loc: Loc, reference: str) -> str | None:
    """A function of the user's as `file.py:name`, relative to the spec's folder; None where it is not there."""
    import ast

    file, _, name = reference.rpartition(":")
    if not file.endswith(".py") or not name.isidentifier():
        checker.say(loc, f"`{reference}` names no function.", "Write `file.py:function`.")
        return None
    path = located(checker, loc, file)
    if path is None:
        return None
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = f" at line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        words = error.msg if isinstance(error, SyntaxError) else str(error)
        checker.say(loc, f"`{file}` is no Python{line}: {words}.", "Mend the file.")
        return None
    names = defined(tree)
    if name not in names and "*" not in names:
        functions = [item for item in names if not item.startswith("_")]
        near = did_you_mean(name, functions)
        fix = f"Defined there: {', '.join(functions[:10]) or 'nothing'}."
        checker.say(loc, f"`{file}` defines no `{name}`{near or '.'}", fix)
        return None
    return f"{os.path.relpath(path, checker.document.file.parent.absolute())}:{name}".replace(os.sep, "/")


def defined(tree: Any) -> list[str]:
    """Names that a module's own level defines, also inside `if` and `try`; `*` for a star import."""
    import ast

    names: list[str] = []
    queue = list(tree.body)
    while queue:
        node = queue.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.extend((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.extend(item.id for target in targets for item in ast.walk(target) if isinstance(item, ast.Name))
        else:
            queue[:0] = [item for item in ast.iter_child_nodes(node) if isinstance(item, ast.stmt | ast.ExceptHandler)]
    return names


def data(checker: Checker, section: DataSection) -> Data | None:
    """The samples, found."""
    loc: Loc = ("data", "source")
    kind: Literal["function", "archive", "images"]
    reference = ""
    if ".py" in section.source:
        kind, found = "function", function(checker, loc, section.source)
        if found is None:
            return None
        reference = found
        path = checker.document.file.parent.absolute() / found.rpartition(":")[0]
    else:
        located_path = located(checker, loc, section.source, folder_too=True)
        if located_path is None:
            return None
        path, kind = located_path, "images" if located_path.is_dir() else "archive"
        if kind == "archive" and path.suffix != ".npz":
            fix = "Name `file.py:function`, an `.npz` archive, or a folder with one folder of images for each class."
            checker.say(loc, f"`{path.name}` is no source of samples.", fix)
            return None
    fields = {name: getattr(section, name) for name in type(section).model_fields}
    fields["inputs"] = globs(checker, section.inputs)
    return Data(**fields, kind=kind, path=os.path.normpath(path), reference=reference)


def globs(checker: Checker, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The globs of `data.inputs` from the spec's folder; files by name where they lie elsewhere. Each must match."""
    found: list[str] = []
    here = checker.document.file.parent.absolute()
    for index, pattern in enumerate(patterns):
        loc: Loc = ("data", "inputs", index)
        whole = Path(os.path.normpath(checker.document.place(loc).folder.absolute() / pattern))
        try:
            matches = sorted(
                path for path in Path(whole.anchor).glob(str(whole.relative_to(whole.anchor))) if path.is_file()
            )
        except (ValueError, NotImplementedError, OSError, IndexError):
            matches = []
        if not matches:
            fix = "Correct it; it starts in the folder of this file, and `**` crosses folders."
            checker.say(loc, f"`{pattern}` matches no file.", fix)
        inside = whole.is_relative_to(here)
        found += [whole.relative_to(here).as_posix()] if inside else [str(path) for path in matches]
    return tuple(found)


def interface(checker: Checker, section: Interface) -> Interface:
    """The interface with the paths of its files."""
    outputs = {}
    for name, entry in section.outputs.items():
        loc: Loc = ("interface", "outputs", name, "labels")
        path = located(checker, loc, entry.labels) if entry.labels else None
        if path is not None:
            readable_labels(checker, loc, path)
        outputs[name] = entry.model_copy(update={"labels": str(path)}) if path else entry
    return section.model_copy(update={"outputs": outputs})


def readable_labels(checker: Checker, loc: Loc, path: Path) -> None:
    """A labels file must hold a name a line, each once."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (UnicodeDecodeError, OSError):
        checker.say(loc, f"`{path.name}` is no UTF-8 text.", "Save it as UTF-8, one class name a line.")
        return
    twice = [line for line in dict.fromkeys(lines) if lines.count(line) > 1] if len(set(lines)) < len(lines) else []
    if not lines:
        checker.say(loc, f"`{path.name}` is empty.", "Write one class name a line.")
    elif twice:
        checker.say(
            loc, f"`{path.name}` names a class twice: {', '.join(twice[:3])}.", "Give every class its own name."
        )


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
    templates = None
    if section.templates:
        templates = located(checker, ("package", "templates"), section.templates, folder_too=True)
        if templates and not templates.is_dir():
            checker.say(
                ("package", "templates"), f"`{section.templates}` is no folder.", "Name the folder of templates."
            )
        elif templates:
            idle_templates(checker, templates)
    return Package(files=tuple(str(path) for path in found if path), templates=str(templates) if templates else None)
