"""The steps that decide a model's bytes, and the one that holds them to a lock."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from edgebuild.compress.base import Recipe
from edgebuild.core.graph import Graph
from edgebuild.core.node import Node
from edgebuild.core.records import canonical_json, digest_of
from edgebuild.core.step import Step, Workspace
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact, Attempt, Refusal
from edgebuild.data.sources import digest_path
from edgebuild.deliver.provenance.departures import FETCH
from edgebuild.errors import MissingToolError, Problem, Refused
from edgebuild.models.admit import AdmitSource


def makers(graph: Graph, model: Artifact) -> Iterator[Node]:
    """Every step whose output decides a model's bytes; that a check holds decides none."""
    waiting, seen = [model.id], set[str]()
    while waiting:
        step_id = waiting.pop()
        if step_id in seen:
            continue
        seen.add(step_id)
        node = graph.nodes[step_id]
        yield node
        admits = node.kind == AdmitSource.kind()
        waiting += [wire.id for wire in node.wires if not admits or wire.place == "model"]


def tools_of(graph: Graph, model: Artifact) -> dict[str, str]:
    """Distributions that make a model's bytes, by version."""
    return installed(tool for node in makers(graph, model) for tool in node.tools)


def makeable(graph: Graph, model: Artifact) -> bool:
    """Whether the same bytes can be expected when a model is made again."""
    return all(node.deterministic for node in makers(graph, model))


def recipe_digest(recipe: Recipe, own: str) -> str:
    """What a candidate is made by.

    Args:
        recipe: its start and stages.
        own: digest of a model of the user's own where it starts from one.
    """
    stages = [[type(stage).__name__, stage.model_dump(mode="json", exclude_defaults=True)] for stage in recipe.stages]
    more = [item for item in (recipe.slot, recipe.files) if item]
    return digest_of(canonical_json([own, stages, *more]))


class HoldToLock(Step):
    """Hand on the bytes that a lock pins: those that were made where they are the same, else those of a store.

    Where no store has them, what was made is handed on: whoever compares with the lock tells of it.
    """

    version: ClassVar[int] = 1
    inline: ClassVar[bool] = True

    digest: str
    """The locked bytes."""
    name: str
    """Of the output, as its readers know it."""
    made: Attempt | None
    """None where making it again would give other bytes."""
    stored: Attempt | None = None

    def output_name(self) -> str:
        """The name of what is pinned."""
        return self.name

    def run(self, work: Workspace) -> None:
        """Raises: Refused: its recipe is declined. MissingToolError: it is nowhere, and cannot be made again."""
        made = work.attempt(self.made) if self.made is not None else None
        if isinstance(made, Path) and digest_path(made) == self.digest:
            hand_on(made, work.output)
            return
        if isinstance(made, Refusal) and made.kind != "failed":
            raise Refused(by=made.by, why=made.why, fix=made.fix, kind=made.kind)
        stored = work.attempt(self.stored) if self.stored is not None else None
        found = next((path for path in (stored, made) if isinstance(path, Path)), None)
        if found is not None:
            hand_on(found, work.output)
            return
        if isinstance(made, Refusal):
            raise Refused(by=made.by, why=made.why, fix=made.fix, kind=made.kind)
        what = f"the locked bytes {self.digest[:19]}… are in no store here, and making them again gives others."
        raise MissingToolError(Problem(self.name, what, FETCH))


def hand_on(source: Path, target: Path) -> None:
    """A file or folder."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
