"""A candidate as a plain script: the functions its steps call, with their arguments, and nothing of edgebuild."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from edgebuild.compress.search.front import TakeSlot
from edgebuild.compress.train.step import TrainModel
from edgebuild.core.graph import Graph
from edgebuild.core.records import plain
from edgebuild.core.step import Step
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact
from edgebuild.models.admit import AdmitSource
from edgebuild.models.tool import PinnedTool
from edgebuild.plan.decline import Decline
from edgebuild.plan.reach import Reach

HEAD = '''"""{title}

Made by `edgebuild eject`; needs {tools}, not edgebuild.
Put the inputs beside this script (`edgebuild eject … --inputs FOLDER` writes them):
{inputs}
The result is `{result}`.
"""

from __future__ import annotations
'''


@dataclass
class Ejected:
    """A script and the files it starts from."""

    text: str
    inputs: dict[str, Artifact]
    """Path beside the script → the artifact that belongs there."""
    steps: int
    """Calls that it consists of."""


@dataclass
class Writer:
    """Writes one step after the other."""

    graph: Graph
    reach: Reach = field(default_factory=Reach)
    places: dict[str, str] = field(default_factory=dict)
    """Identity of a step → the path of its output beside the script."""
    inputs: dict[str, Artifact] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    tools: dict[str, str] = field(default_factory=dict)

    def path(self, artifact: Artifact) -> str:
        """Where an artifact lies, once the steps before it are written."""
        step = self.graph.steps[artifact.id]
        if isinstance(step, AdmitSource) or type(step).hands_on:
            held: Artifact = step.model  # type: ignore[attr-defined]  # every such step has one
            return self.path(held)
        if is_input(step):
            place = str(PurePosixPath("inputs") / (artifact.member or artifact.filename))
            self.inputs[place] = artifact
            return place
        if artifact.id not in self.places:
            self.write(step)
        return str(PurePosixPath(self.places[artifact.id]) / artifact.member)

    def write(self, step: Step) -> None:
        """One call, after those it reads."""
        call = the_call(step)
        filled = ast.fix_missing_locations(Fill(self, step).visit(call))
        number = len(self.places) + 1
        self.places[step.id] = f"made/{number:02d}-{step.output_name()}"
        text = self.reach.expression(step.__module__, filled)
        self.calls.append(text.replace(OUTPUT, f"Path({self.places[step.id]!r})"))
        self.tools |= installed(type(step).tools)


OUTPUT = "OUTPUT_OF_THIS_STEP"
OURS = ("pydantic", "networkx")
"""What every installation of edgebuild has, and no step names."""


class Fill(ast.NodeTransformer):
    """Puts values in for `self.…` and paths for `work.…`."""

    def __init__(self, writer: Writer, step: Step) -> None:
        self.writer, self.step = writer, step

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`work.path(self.model)` becomes a path."""
        if ast.unparse(node.func) == "work.path":
            name = ast.unparse(node.args[0]).removeprefix("self.")
            return ast.parse(f"Path({self.writer.path(getattr(self.step, name))!r})", mode="eval").body
        self.generic_visit(node)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """`work.path(self.more) if self.more else None`: what a step can do without."""
        text = ast.unparse(node.test)
        if text.startswith("self.") and text.removeprefix("self.").isidentifier():
            given = getattr(self.step, text.removeprefix("self."))
            found: ast.AST = self.visit(node.body if given else node.orelse)
            return found
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """`self.format` becomes its value, `work.output` a mark."""
        text = ast.unparse(node)
        if text == "work.output":
            return ast.Name(OUTPUT, ast.Load())
        if text == "work.progress":
            # Nobody watches a script but who started it.
            return ast.Constant(None)
        if text.startswith("self."):
            value = getattr(self.step, node.attr)
            return ast.parse(repr(as_plain(value)), mode="eval").body
        self.generic_visit(node)
        return node


def as_plain(value: Any) -> Any:
    """A field as plain data, tuples kept: functions of ours take them."""
    if isinstance(value, tuple):
        return tuple(as_plain(item) for item in value)
    if isinstance(value, dict):
        return {name: as_plain(item) for name, item in value.items()}
    return plain(value)


def is_input(step: Step) -> bool:
    """Whether the script starts from this step's output: the user's model, the samples, a pinned tool.

    What a training made or a search chose too: it is pinned by its bytes, since no other machine comes to the same.
    """
    return step.__module__.startswith("edgebuild.data.") or isinstance(step, PinnedTool | TrainModel | TakeSlot)


def the_call(step: Step) -> ast.expr:
    """What `run` does: by the house's rule one call of a plain function."""
    function = ast.parse(textwrap.dedent(inspect.getsource(type(step).run))).body[0]
    assert isinstance(function, ast.FunctionDef)
    body = [item for item in function.body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
    assert len(body) == 1 and isinstance(body[0], ast.Expr), f"{step.kind()}.run does more than call one function"
    return body[0].value


def refusals(graph: Graph, model: Artifact) -> Iterator[Decline]:
    """Declined steps that a model hangs on."""
    waiting, seen = [model.id], set()
    while waiting:
        step_id = waiting.pop()
        if step_id in seen:
            continue
        seen.add(step_id)
        step = graph.steps[step_id]
        if isinstance(step, Decline):
            yield step
        waiting += graph.needs(step_id)


def eject(graph: Graph, model: Artifact, title: str) -> Ejected:
    """The script that makes a candidate's model."""
    writer = Writer(graph)
    result = writer.path(model)
    code = "\n".join([*writer.reach.imports, *writer.reach.pieces])
    writer.tools |= installed(name for name in OURS if re.search(rf"(from|import) {name}\b", code))
    head = HEAD.format(
        title=title,
        tools=", ".join(f"{name}=={version}" for name, version in sorted(writer.tools.items())) or "only Python",
        inputs="\n".join(f"    {place}" for place in sorted(writer.inputs)),
        result=result,
    )
    imports = sorted({"from pathlib import Path", *writer.reach.imports})
    calls = ["Path('made').mkdir(exist_ok=True)", *writer.calls, f"print({result!r})"]
    parts = [head + "\n" + "\n".join(imports), *writer.reach.pieces, "\n".join(calls)]
    return Ejected("\n\n\n".join(parts) + "\n", writer.inputs, len(writer.calls))
