"""What a Python file of the user's consists of, read from its source and never run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

from edgebuild.data.sources import digest_path
from edgebuild.reads import probed

DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "PyYAML",
}
"""Import names that differ from their distribution's; others are looked up in the installed metadata, which is slow."""


@dataclass
class Closure:
    """Files of the user's tree that a file imports, itself included, and the installed packages they import."""

    folders: tuple[Path, ...]
    """Where imports are looked up: the file's folder and the spec's."""
    files: set[Path] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    """Top-level import names that are neither the user's nor the standard library's."""

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
        if foreign and parts and parts[0] not in sys.stdlib_module_names:
            self.packages.add(parts[0])


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
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0]
            literal = first.value if isinstance(first, ast.Constant) else None
            if name in ("import_module", "__import__") and isinstance(literal, str) and not literal.startswith("."):
                yield 0, literal, ()


def distributions(packages: set[str]) -> tuple[tuple[str, str], ...]:
    """Name and version of the distribution behind each import name, sorted; an editable one with its tree's digest.

    A package that is not installed is left out: running the code says so, at its line.
    """
    found: dict[str, str] = {}
    unknown = set()
    for package in packages:
        try:
            _note(metadata.distribution(DISTRIBUTIONS.get(package, package)), package, found)
        except metadata.PackageNotFoundError:
            unknown.add(package)
    owners = metadata.packages_distributions() if unknown else {}
    for package in unknown:
        for name in owners.get(package, ()):
            _note(metadata.distribution(name), package, found)
    return tuple(sorted(found.items()))


def _note(distribution: metadata.Distribution, package: str, found: dict[str, str]) -> None:
    version = distribution.version
    if '"editable": true' in (distribution.read_text("direct_url.json") or ""):
        # The version of an editable install says nothing about its code.
        spec = PathFinder.find_spec(package)
        places = list(spec.submodule_search_locations or ()) or ([spec.origin] if spec.origin else []) if spec else []
        version = " ".join([version, *(digest_path(Path(place)) for place in places)])
    found[distribution.name] = version
