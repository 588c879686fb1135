"""Every step of the package, and the code each one runs."""

from __future__ import annotations

import ast
import hashlib
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import edgebuild
from edgebuild.core.step import Step
from edgebuild.plan.reach import Reach

CORE = frozenset({"pydantic", "pydantic_core", "edgebuild", "networkx"})
"""What every installation has; its versions are pinned as a whole."""

SPELLING = {"pyyaml": "PyYAML"}


def subclasses(base: type[Step]) -> Iterator[type[Step]]:
    for found in base.__subclasses__():
        yield found
        yield from subclasses(found)


@cache
def steps() -> tuple[type[Step], ...]:
    """Every step that can be run, by kind."""
    for module in pkgutil.walk_packages(edgebuild.__path__, "edgebuild."):
        if not module.name.endswith((".session", ".__main__")):
            import_module(module.name)
    every = {found for found in subclasses(Step) if found.__module__.startswith("edgebuild.")}
    return tuple(sorted((found for found in every if hasattr(found, "version")), key=lambda found: found.kind()))


@cache
def code(step: type[Step]) -> str:
    """The source that a step reaches, without comments."""
    reach = Reach()
    for base in reversed([base for base in step.__mro__ if issubclass(base, Step) and base is not Step]):
        reach.name(base.__module__, base.__name__)
    return "\n\n".join([*sorted(reach.imports), *reach.pieces])


def digest(step: type[Step]) -> str:
    """Of the code that decides its bytes."""
    return hashlib.sha256("".join(map(bare, [code(step), *elsewhere(step)])).encode()).hexdigest()[:16]


def elsewhere(step: type[Step]) -> Iterator[str]:
    """Code that a step runs without importing it: what travels to a device, and what a table names."""
    if "class LocalLink" in code(step):
        yield from sources("edgebuild.runner", "edgebuild.runtimes", only=("edgebuild.runner.", ".session"))
    if any("Metric" in str(field.annotation) for field in step.model_fields.values()):
        yield from sources("edgebuild.metrics")


@cache
def sources(*packages: str, only: tuple[str, ...] = ("",)) -> tuple[str, ...]:
    """Texts of the modules of packages whose name holds one of some words."""
    found = []
    for package in packages:
        for path in sorted(Path(import_module(package).__path__[0]).rglob("*.py")):
            name = f"{package}.{path.relative_to(import_module(package).__path__[0]).with_suffix('')}".replace("/", ".")
            if any(word in name for word in only):
                found.append(path.read_text(encoding="utf-8"))
    return tuple(found)


def bare(source: str) -> str:
    """Code without comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            node.body = [item for item in node.body if not is_text(item)] or [ast.Pass()]
    tree.body = [item for item in tree.body if not is_text(item)]
    return ast.unparse(tree)


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def imported(step: type[Step]) -> set[str]:
    """Distributions whose modules a step's code imports."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(code(step))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.split(".")[0])
    foreign = {root for root in roots if root not in sys.stdlib_module_names and root not in CORE}
    owners = packages_distributions()
    return {owners[root][0].lower().replace("_", "-") for root in foreign}
