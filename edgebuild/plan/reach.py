"""The source of everything of ours that a piece of code reaches, as plain text without edgebuild."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OURS = "edgebuild"

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclass
class Module:
    """What stands at the top of one of our modules."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    ours: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name → module and name it is imported from; the name is "" for a module."""
    foreign: dict[str, str] = field(default_factory=dict)
    """Name → the statement that imports it."""


@cache
def read_module(name: str) -> Module:
    """Parse one of our modules."""
    found = find_spec(name)
    assert found is not None and found.origin is not None, name
    module = Module()
    for statement in flat(ast.parse(Path(found.origin).read_text(encoding="utf-8")).body):
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            module.definitions[statement.name] = statement
        elif isinstance(statement, ast.Assign):
            module.definitions |= dict(single(statement))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            module.definitions[statement.target.id] = statement
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            take_import(statement, module)
    return module


def flat(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at the top of a module, those of `with` and `try` among them: some imports stand there."""
    for statement in statements:
        if isinstance(statement, ast.With | ast.Try):
            yield from flat(statement.body)
        else:
            yield statement


def single(statement: ast.Assign) -> Iterator[tuple[str, ast.Assign]]:
    """Each name that an assignment binds, with an assignment of its own: `a, b = 1, 2` is two."""
    for target in statement.targets:
        if isinstance(target, ast.Name):
            yield target.id, statement
        elif isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            for name, value in zip(target.elts, statement.value.elts, strict=True):
                yield from single(ast.Assign([name], value, lineno=statement.lineno))


def take_import(statement: ast.Import | ast.ImportFrom, module: Module) -> None:
    """Note what an import binds."""
    origin = getattr(statement, "module", None) or ""
    for alias in statement.names:
        bound = alias.asname or alias.name.split(".")[0]
        if isinstance(statement, ast.ImportFrom) and origin.split(".")[0] == OURS:
            module.ours[bound] = (
                (f"{origin}.{alias.name}", "") if is_module(origin, alias.name) else (origin, alias.name)
            )
        elif origin != "__future__":
            one = ast.ImportFrom(origin, [alias], 0) if isinstance(statement, ast.ImportFrom) else ast.Import([alias])
            module.foreign[bound] = ast.unparse(one)


def is_module(package: str, name: str) -> bool:
    """Whether `from package import name` binds a module."""
    found = find_spec(package)
    return bool(found and found.submodule_search_locations and find_spec(f"{package}.{name}"))


class Reach:
    """Collects definitions, each once, in an order in which they can be executed."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, str], str] = {}
        """Module and name there → name in the text."""
        self.imports: set[str] = set()
        self.pieces: list[str] = []
        self.taken: set[str] = set(dir(builtins))

    def name(self, module: str, name: str) -> str:
        """What a definition of a module is called in the text; it is added where it is not there yet."""
        source = read_module(module)
        if name in source.ours:
            return self.name(*source.ours[name])
        if name in source.foreign:
            self.imports.add(source.foreign[name])
            self.taken.add(name)
            return name
        if (module, name) not in self.names:
            self.names[module, name] = self.free(name, module)
            self.add(module, source.definitions[name], self.names[module, name])
        return self.names[module, name]

    def free(self, name: str, module: str) -> str:
        """A name that nothing else has."""
        wanted = name if name not in self.taken else f"{module.rsplit('.', 1)[-1]}_{name}"
        while wanted in self.taken:
            wanted += "_"
        self.taken.add(wanted)
        return wanted

    def add(self, module: str, definition: Definition, name: str) -> None:
        """Write a definition down, what it needs first."""
        copied = ast.parse(ast.unparse(definition)).body[0]
        if isinstance(copied, ast.FunctionDef | ast.ClassDef):
            copied.name = name
        elif isinstance(copied, ast.AnnAssign):
            assert copied.value is not None
            copied = ast.Assign([ast.Name(name, ast.Store())], copied.value)
        elif isinstance(copied, ast.Assign):
            copied.targets = [ast.Name(name, ast.Store())]
        moved = Rename(self, module).visit(copied)
        self.pieces.append(ast.unparse(ast.fix_missing_locations(moved)))

    def expression(self, module: str, node: ast.expr) -> str:
        """An expression of a module as text, what it needs added."""
        return ast.unparse(ast.fix_missing_locations(Rename(self, module).visit(node)))


class Rename(ast.NodeTransformer):
    """Turns names of a module into names of the text; annotations of functions go, they name what is not there."""

    def __init__(self, reach: Reach, module: str) -> None:
        self.reach, self.module = reach, module
        self.local: list[set[str]] = []
        self.bound: dict[str, tuple[str, str]] = {}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function, without annotations and without imports of ours."""
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        every += [arg for arg in (node.args.vararg, node.args.kwarg) if arg]
        for argument in every:
            argument.annotation = None
        node.returns = None
        self.local.append(set(assigned(node)) | {argument.arg for argument in every})
        self.generic_visit(node)
        self.local.pop()
        node.body = node.body or [ast.Pass()]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        """An import inside a function: ours are resolved, others stay."""
        if (node.module or "").split(".")[0] != OURS:
            return node
        scratch = Module()
        take_import(node, scratch)
        self.bound |= scratch.ours
        return None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        """A local with a type becomes one without; a field of a class keeps it."""
        if not self.local:
            self.generic_visit(node)
            return node
        if node.value is None:
            return None
        return ast.Assign([node.target], self.visit(node.value))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`module.name` of a module of ours becomes the name."""
        if isinstance(node.value, ast.Name):
            origin = self.origin(node.value.id)
            if origin and origin[1] == "":
                return ast.Name(self.reach.name(origin[0], node.attr), ast.Load())
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A name of the module, unless a local one hides it."""
        origin = self.origin(node.id)
        if origin and origin[1]:
            return ast.Name(self.reach.name(*origin), node.ctx)
        return node

    def origin(self, name: str) -> tuple[str, str] | None:
        """Where a name comes from; None for locals and builtins."""
        if name in self.bound:
            return self.bound[name]
        if any(name in scope for scope in self.local):
            return None
        source = read_module(self.module)
        if name in source.ours:
            return source.ours[name]
        return (self.module, name) if name in source.definitions or name in source.foreign else None


def assigned(function: ast.FunctionDef) -> Iterator[str]:
    """Names that a function binds itself."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node is not function:
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif (
            isinstance(node, ast.Import | ast.ImportFrom) and (getattr(node, "module", "") or "").split(".")[0] != OURS
        ):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
