"""Functions in the user's own Python: what they consist of, and how they are run without stale bytecode."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ExtensionFileLoader, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from edgebuild.core.wires import FileDigest, UserCode
from edgebuild.data.closure import Closure, distributions, holds_python
from edgebuild.data.sources import digest_path
from edgebuild.errors import EdgebuildError, Problem, Refused, Span, SpecError, UserCodeError, did_you_mean


def resolve(root: Path, reference: str, inputs: Sequence[str] = (), where: str = "") -> UserCode:
    """A function by what it consists of, without running it.

    Args:
        root: the spec's folder; imports, relative paths and `inputs` start there.
        reference: `file.py:function`.
        inputs: globs of files the function reads; their content counts.
        where: key of the spec that names it, for problems.

    Raises:
        SpecError: the file, the function, or a match of a glob is missing; all at once.
    """
    file, _, function = reference.rpartition(":")
    path = (root / file).resolve()
    read, problems = _matches(root, inputs)
    problems = [*_wrong(root, reference, path, function, where or reference), *problems]
    if problems:
        raise SpecError(*problems)
    closure = Closure((path.parent, root.resolve()))
    closure.add(path)
    known = {_relative(item, root): item for item in sorted(closure.files | read)}
    return UserCode(
        root=str(root.resolve()),
        file=Path(file).as_posix(),
        function=function,
        files=tuple(FileDigest(path=name, digest=digest_path(known[name])) for name in sorted(known)),
        distributions=distributions(closure.packages),
    )


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root.resolve())).as_posix()


def _matches(root: Path, inputs: Sequence[str]) -> tuple[set[Path], list[Problem]]:
    found: set[Path] = set()
    problems = []
    for pattern in inputs:
        fixed = Path(pattern).is_absolute()
        matches = [Path(pattern)] if fixed else [path for path in root.glob(pattern) if path.is_file()]
        if not matches or not all(path.is_file() for path in matches):
            fix = "Correct the pattern; it starts in the spec's folder, `**` crosses folders, and it names files."
            problems.append(Problem("data.inputs", f"`{pattern}` matches no file.", fix))
        found.update(path.resolve() for path in matches)
    return found, problems


def _wrong(root: Path, reference: str, path: Path, function: str, where: str) -> list[Problem]:
    import ast

    if not function.isidentifier() or not reference.rpartition(":")[0].endswith(".py"):
        return [Problem(where, f"`{reference}` names no function.", "Write `file.py:function`.")]
    if not path.is_file():
        near = did_you_mean(path.name, [item.name for item in path.parent.glob("*.py")] if path.parent.is_dir() else [])
        fix = "Create it, or correct the path; it starts in the spec's folder."
        return [Problem(where, f"there is no file `{reference.rpartition(':')[0]}`{near or '.'}", fix)]
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        return [_problem_of(error, root, "does not parse")]
    names = [name for node in tree.body for name in _defined(node)]
    if function in names or "*" in names:
        return []
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    fix = f"Functions in it: {', '.join(functions) or 'none'}."
    return [Problem(where, f"`{path.name}` defines no `{function}`{did_you_mean(function, names) or '.'}", fix)]


def _defined(node: Any) -> Iterator[str]:
    import ast

    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield inner.name
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id
        elif isinstance(inner, ast.ImportFrom | ast.Import):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in inner.names)


def load(code: UserCode) -> Callable[..., Any]:
    """The function itself, its files compiled from source. Only for a process that runs nothing else.

    The function, and a generator it returns, run in the spec's folder; what they raise names the user's line.

    Raises:
        UserCodeError: importing the file raises, or it has no such function; at the user's line.
    """
    root = Path(code.root).resolve()
    file = root / code.file
    for earlier in [item for item in sys.meta_path if isinstance(item, _UserFinder) and item.stale(root)]:
        earlier.forget()
    finder = _UserFinder((file.parent, root))
    sys.meta_path.insert(0, finder)
    with _blamed(root, f"importing `{code.file}`", finder.files):
        module = _imported(file, finder)
    function = getattr(module, code.function, None)
    if not callable(function):
        what = f"`{code.function}` is no function, but {type(function).__name__}."
        raise UserCodeError(Problem(code.file, what, f"Define `def {code.function}(…):` in it."))
    return _guarded(function, root, f"`{code.function}`", finder.files)


def _imported(file: Path, finder: _UserFinder) -> ModuleType:
    """The user's file as the module that its own folder's packages call it."""
    top, names = file.parent, [file.stem]
    while (top / "__init__.py").is_file():
        names.insert(0, top.name)
        top = top.parent
    name = ".".join(names)
    finder.folders = tuple(dict.fromkeys((top, *finder.folders)))
    if names[0] in sys.modules or names[0] in sys.stdlib_module_names:
        # A file called `select.py` or `data.py` must not replace a module that others use.
        name = f"user_{file.stem}"
        spec = importlib.util.spec_from_loader(name, _FromSource(name, str(file)), origin=str(file))
        assert spec is not None and spec.loader is not None
        # Else it would have no `__file__`, from which loaders find what lies beside them.
        spec.has_location = True
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        finder.found.add(name)
        finder.files.add(str(file))
        spec.loader.exec_module(module)
        return module
    return importlib.import_module(name)


COMPILED: dict[str, bytes] = {}
"""Source of each file of the user's as it was compiled in this process."""


class _FromSource(SourceFileLoader):
    """Compiles each time. Python's own check of a `.pyc`, size and seconds, misses an edit of equal size."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        source = self.get_data(path)
        COMPILED[path] = source
        return self.source_to_code(source, path)


class _UserFinder:
    """Finds the user's modules before installed ones, as a script's own folder comes first in Python."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self.folders = tuple(dict.fromkeys(folders))
        self.found: set[str] = set()
        self.files: set[str] = set()

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        parent = name.rpartition(".")[0]
        if parent and parent not in self.found:
            return None
        for folder in (str(item) for item in self.folders) if path is None else path:
            # A new finder each time: its folder listing is cached by a date in seconds.
            finder = FileFinder(
                folder, (ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES), (_FromSource, [".py"])
            )
            spec = finder.find_spec(name)
            if spec is None or (
                spec.loader is None
                and not parent
                and not any(map(holds_python, map(Path, spec.submodule_search_locations or ())))
            ):
                continue
            self.found.add(name)
            if spec.origin:
                self.files.add(spec.origin)
            return spec
        return None

    def stale(self, root: Path) -> bool:
        """Whether it loaded files of another project, or a file that is no longer what it was."""
        if root not in self.folders:
            return True
        files = [path for path in self.files if path in COMPILED]
        return any(not Path(path).is_file() or Path(path).read_bytes() != COMPILED[path] for path in files)

    def forget(self) -> None:
        """Undo an earlier load in the same process."""
        sys.meta_path.remove(self)
        for name in self.found:
            sys.modules.pop(name, None)


def _guarded(function: Callable[..., Any], root: Path, name: str, files: set[str]) -> Callable[..., Any]:
    # Whoever asks for its parameters gets the user's.
    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        with _blamed(root, name, files):
            result = function(*arguments, **options)
        return _steps(result, root, name, files) if isinstance(result, Iterator) else result

    return call


def _steps(iterator: Iterator[Any], root: Path, name: str, files: set[str]) -> Iterator[Any]:
    while True:
        with _blamed(root, name, files):
            try:
                item = next(iterator)
            except StopIteration:
                return
        yield item


@contextlib.contextmanager
def _blamed(root: Path, doing: str, files: set[str]) -> Iterator[None]:
    """Run in the spec's folder and turn what the user's code raises into a problem at its line."""
    before = Path.cwd()
    os.chdir(root)
    try:
        yield
    except (EdgebuildError, Refused, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise UserCodeError(_problem_of(error, root, doing, files)) from error
    finally:
        os.chdir(before)


def _problem_of(error: BaseException, root: Path, doing: str, files: set[str] | None = None) -> Problem:
    words = f"{doing}: {type(error).__name__}: {str(error).strip() or 'no message'}"
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        text = (error.text or "").rstrip("\n")
        width = (error.end_offset or 0) - (error.offset or 0) if error.end_lineno == error.lineno else 1
        span = Span(_relative(Path(error.filename), root), error.lineno, error.offset or 1, max(1, width), text)
        return Problem("", f"{doing}: {type(error).__name__}: {error.msg}", "Mend the line.", span)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if files and frame.filename in files]
    if not frames:
        return Problem("", words, "Run the function by itself to see more.")
    frame = frames[-1]
    text = Path(frame.filename).read_text(encoding="utf-8", errors="replace").splitlines()[(frame.lineno or 1) - 1]
    width = (frame.end_colno or 0) - (frame.colno or 0) if frame.end_lineno == frame.lineno else 1
    span = Span(_relative(Path(frame.filename), root), frame.lineno or 1, (frame.colno or 0) + 1, max(1, width), text)
    return Problem("", words, _fix(error), span)


def _fix(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"Install what provides `{error.name}`, or correct the import; imports start in the spec's folder."
    if isinstance(error, FileNotFoundError):
        return "Correct the path; relative paths start in the spec's folder."
    return "Mend the line; the function runs in the spec's folder."
