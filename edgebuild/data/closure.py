"""What a Python file of the user's consists of, read from its source and never run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path

from edgebuild.core import distributions as installed
from edgebuild.core.distributions import Distribution
from edgebuild.data.sources import digest_path
from edgebuild.reads import digest, probed


@dataclass
class Closure:
    """Files of the user's tree that a file imports, itself included, and the installed packages they import."""

    folders: tuple[Path, ...]
    """Where imports are looked up: the file's folder and the spec's."""
    files: set[Path] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    """Top-level import names that are neither the user's nor the standard library's."""
    standard: set[str] = field(default_factory=set)
    """Top-level import names of the standard library."""
    spawns: bool = False
    """Whether it asks for processes that begin as new interpreters."""

    def add(self, file: Path) -> None:
        """Follow a file. One that does not parse ends here; it is reported when it is run.

        Raises:
            OSError: it cannot be read.
        """
        if file in self.files:
            return
        self.files.add(file)
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            return
        self.spawns = self.spawns or any(map(_spawns, ast.walk(tree)))
        for package in _modules(file.parent.parent, file.parent.name):
            # A package runs before its modules.
            self.add(package)
        for level, module, names in _imports(tree):
            bases = [file.parents[level - 1]] if 0 < level <= len(file.parents) else list(self.folders)
            self._follow(bases, module.split(".") if module else [], names, foreign=level == 0)

    def _follow(self, bases: list[Path], parts: list[str], names: tuple[str, ...], foreign: bool) -> None:
        for base in bases:
            if parts and not _modules(base, parts[0]) and not holds_python(base / parts[0]):
                continue
            places = [base.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
            for place in [*places, *(base.joinpath(*parts, name) for name in names)]:
                for file in _modules(place.parent, place.name):
                    self.add(file)
            if parts:
                return
        if foreign and parts:
            (self.standard if parts[0] in sys.stdlib_module_names else self.packages).add(parts[0])


def _modules(folder: Path, name: str) -> list[Path]:
    """The file a module or package of that name would be loaded from."""
    package = folder / name / "__init__.py"
    if probed(package).is_file():
        return [package]
    plain = folder / f"{name}.py"
    return [plain] if probed(plain).is_file() else []


def holds_python(folder: Path) -> bool:
    """Whether a folder without `__init__.py` can be meant by an import: `data/` full of images cannot."""
    return any(next(folder.glob(pattern), None) for pattern in ("*.py", "*/*.py"))


def _imports(tree: ast.AST) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Level, module and names of every import anywhere in a file; literal `import_module` calls too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield 0, alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", tuple(alias.name for alias in node.names)
        elif isinstance(node, ast.Call) and node.args:
            name, literal = _call(node)
            if name in ("import_module", "__import__") and literal and not literal.startswith("."):
                yield 0, literal, ()


def _spawns(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not node.args:
        return False
    name, literal = _call(node)
    return name in ("get_context", "set_start_method") and literal in ("spawn", "forkserver")


def _call(node: ast.Call) -> tuple[str, str]:
    """Name of what is called, and its first argument where that is a literal text."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    first = node.args[0]
    return str(name), first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def distributions(packages: set[str]) -> tuple[tuple[str, str], ...]:
    """Name and version of the distribution behind each import name, sorted, as a step finds them.

    One that did not come from an index, whose version may stay while its files change, counts with a digest of them.
    A package that is not installed is left out: running the code says so, at its line.
    """
    found = {one.name: _version(one, package) for package in sorted(packages) for one in installed.owners(package)}
    return tuple(sorted(found.items()))


def _version(one: Distribution, package: str) -> str:
    if not one.origin:
        return one.version
    if not one.editable:
        return one.identity(digest)
    spec = PathFinder.find_spec(package, installed.path())
    places = list(spec.submodule_search_locations or ()) or ([spec.origin] if spec.origin else []) if spec else []
    return " ".join([one.version, *(digest_path(Path(place)) for place in places)])
