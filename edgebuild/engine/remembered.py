"""Parts of a graph that need not be made again: each with what it was made from, asked before it is used."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

from edgebuild.core.graph import Graph
from edgebuild.core.node import Node
from edgebuild.core.step import Step, load_step
from edgebuild.core.wires import Artifact
from edgebuild.engine import installation
from edgebuild.engine.process.witness import Sighting, Witness
from edgebuild.engine.seen import Seen, digest_place, ignored_folders, seen_now
from edgebuild.engine.store import Store
from edgebuild.errors import Problem, StepError

Make = Callable[[Graph], Any]
"""Adds steps to an empty graph and returns plain data about them."""


class Remembered:
    """Plans of single specs, kept in the store.

    A part holds as long as the installation is the same and everything that was read while it was made is the same: the
    spec, what it extends, the user's modules and data, files that were looked for and absent, the environment.
    """

    def __init__(self, store: Store, witness: Witness | None = None) -> None:
        self.store = store
        self.witness = witness or Witness(ignored_folders(store, []))
        self._installation = installation.identity()
        self._now: dict[str, str] = {}
        """Places that were asked about since `afresh`, to what they say: specs share most of what they read."""
        self.made = 0
        """Parts that had to be made in this process."""
        if witness is None:
            self.witness.start()

    def afresh(self) -> None:
        """Ask again about everything: a new plan begins."""
        self._now.clear()

    def part(self, name: str, graph: Graph, make: Make) -> Any:
        """Add one part to a graph.

        Args:
            name: of the part, with all that is asked for besides what it reads (options).
            graph: the whole.
            make: makes it where it is not known.

        Returns:
            What `make` returned, now or then, as JSON gives it back.
        """
        row = self.store.rows.one("SELECT installation, seen, outline FROM plans WHERE name = ?", name)
        if row and row[0] == self._name_of(row[1], row[2]) and self._still_so(json.loads(row[1])):
            outline = json.loads(row[2])
            self._join(graph, name, outline)
            return outline["view"]
        part = Graph()
        with self.witness.frame() as frame:
            view = make(part)
        self.made += 1
        outline = outline_of(part, view)
        self._keep(name, part, outline, frame.sightings)
        self._join(graph, name, outline, part)
        return view

    def _name_of(self, seen: str, outline: str) -> str:
        """Of the installation and of what was written with it: a disk may have changed either."""
        return f"{self._installation} {zlib.crc32(f'{seen}{outline}'.encode(errors='replace'))}"

    def _still_so(self, seen: Seen) -> bool:
        for place, digest in seen:
            if place not in self._now:
                self._now[place] = digest_place(place, [], self.store)
            if self._now[place] != digest:
                return False
        return True

    def _join(self, graph: Graph, name: str, outline: dict[str, Any], part: Graph | None = None) -> None:
        texts = cache(lambda: self._texts(name))

        def forget() -> None:
            self.store.rows.run("DELETE FROM plans WHERE name = ?", name)

        for row, labels in zip(outline["nodes"], outline["labels"], strict=True):
            graph.join(part.nodes[row[0]] if part else Node(row, _loader(row[0], row[1], texts, forget)))
            for label in labels:
                graph.name(row[0], label)
        for wanted, (step_id, filename, member) in outline["wanted"].items():
            graph.want(wanted, Artifact(id=step_id, filename=filename, member=member))

    def _texts(self, name: str) -> dict[str, str]:
        row = self.store.rows.one("SELECT steps FROM plans WHERE name = ?", name)
        found: dict[str, str] = json.loads(row[0]) if row else {}
        return found

    def _keep(self, name: str, part: Graph, outline: dict[str, Any], sightings: list[Sighting]) -> None:
        try:
            seen: Seen = seen_now(sightings, [], self.store, name)
        except StepError:
            # Somebody is editing: this plan is made from what was there, the next one asks again.
            return
        steps = {step_id: step.model_dump_json(serialize_as_any=True) for step_id, step in part.steps.items()}
        texts = json.dumps(seen), json.dumps(outline)
        self.store.rows.run(
            "INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?, ?)",
            *(name, self._name_of(*texts), *texts, json.dumps(steps)),
        )


def outline_of(part: Graph, view: Any) -> dict[str, Any]:
    """All that a walk needs of a part, as plain data."""
    return {
        "nodes": [node.row() for node in part.nodes.values()],
        "labels": [part.labels.get(step_id, []) for step_id in part.nodes],
        "wanted": {name: (item.id, item.filename, item.member) for name, item in part.wanted.items()},
        "view": view,
    }


def _loader(
    step_id: str, kind: str, texts: Callable[[], dict[str, str]], forget: Callable[[], None]
) -> Callable[[], Step]:
    def load() -> Step:
        try:
            step = load_step(kind, texts()[step_id])
        except (KeyError, ValueError):
            step = None
        if step is None or step.id != step_id:
            forget()
            raise StepError(
                Problem(
                    kind, "Another build planned the spec anew while this one ran.", "Build again; nothing is lost."
                )
            )
        return step

    return load
