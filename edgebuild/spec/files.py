"""Files that a spec names: found from the file the name stands in, or a problem with what is near."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from edgebuild.documents import Loc, neighbours
from edgebuild.errors import did_you_mean
from edgebuild.reads import environ, probed
from edgebuild.spec.check import Checker


def located(checker: Checker, loc: Loc, path: str, folder_too: bool = False) -> Path | None:
    """A file the spec names, absolute; None, and a problem, where there is none."""
    if not path.strip():
        checker.say(loc, "is empty.", "Write a path; it starts in the folder of the file it stands in.")
        return None
    found = findable(checker.document.place(loc).folder, path)
    if found is None or not found.exists():
        near = did_you_mean(found.name, neighbours(found)) if found else ""
        kind = "file or folder" if folder_too else "file"
        absolute = path.startswith(("/", "~"))
        fix = "Correct the path." if absolute else "Paths start in the folder of the file they stand in."
        checker.say(loc, f"there is no {kind} `{path}`{near or '.'}", fix)
        return None
    if found.is_dir() and not folder_too:
        checker.say(loc, f"`{path}` is a folder, not a file.", "Name a file in it.")
        return None
    return found


def findable(folder: Path, path: str) -> Path | None:
    """A path from a folder, absolute and without `..`; None where no system could have such a file."""
    if path.startswith("~"):
        environ("HOME")
    try:
        found = Path(os.path.normpath(folder.absolute() / Path(path).expanduser()))
        probed(found).stat()
    except FileNotFoundError:
        return found
    except (OSError, ValueError, RuntimeError):
        return None
    return found


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
    except RecursionError:
        checker.say(loc, f"`{file}` is nested too deeply to be read.", "Make it flatter.")
        return None
    except OSError as error:
        checker.say(loc, f"`{file}` cannot be read: {error.strerror}.", "Change its rights.")
        return None
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
