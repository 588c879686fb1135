"""A search's Pareto front as numbered folders.

The plan reserves a fixed number of slots; a slot beyond the front is refused.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from edgebuild.compress.base import Draft
from edgebuild.core.graph import Lowering
from edgebuild.core.searches import FRONT_FILE
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused


class Member(NamedTuple):
    """One model of a front."""

    path: Path
    """A file or folder."""
    words: str
    """What was chosen, for people: `layers 3 to 7 in int8`."""
    values: dict[str, float]
    """What the search measured of it, by name; reports read it, decisions do not: each slot is measured anew."""


def finalist(slot: int, superlative: str) -> str:
    """A slot in words, before its member is known: `the fastest finalist`, `the 2nd fastest finalist`."""
    place = "" if slot == 0 else {2: "2nd ", 3: "3rd "}.get(slot + 1, f"{slot + 1}th ")
    return f"the {place}{superlative} finalist"


def write_front(output: Path, members: Sequence[Member], why: str = "") -> None:
    """Write `front.json` and a folder for each member, the best first.

    Args:
        output: the folder, made here.
        members: copied into it.
        why: the front is empty; slots are refused with these words.
    """
    output.mkdir(parents=True)
    index: list[dict[str, Any]] = []
    for number, member in enumerate(members):
        place = output / str(number)
        if member.path.is_dir():
            shutil.copytree(member.path, place / member.path.name)
        else:
            place.mkdir()
            shutil.copyfile(member.path, place / member.path.name)
        index.append({"file": member.path.name, "words": member.words, "values": member.values})
    told = json.dumps({"members": index, "why": why}, indent=1, sort_keys=True)
    (output / FRONT_FILE).write_text(told + "\n", encoding="utf-8")


def read_front(front: Path) -> list[dict[str, Any]]:
    """`file`, `words` and `values` of each member."""
    found: list[dict[str, Any]] = _index(front)["members"]
    return found


def _index(front: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((front / FRONT_FILE).read_text(encoding="utf-8"))
    return found


class TakeSlot(Step):
    """One member of a front as a model like any other."""

    version: ClassVar[int] = 2

    front: Artifact
    number: int
    """From 0."""
    name: str
    """Name under which readers see it."""

    def output_name(self) -> str:
        """See `Step`."""
        return self.name

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the front is shorter."""
        members = read_front(work.path(self.front))
        if self.number >= len(members):
            count = f"It ended with {len(members)} finalist{'' if len(members) == 1 else 's'}."
            raise Refused(by="search", why=_index(work.path(self.front))["why"] or count, kind="not applicable")
        place = work.path(self.front) / str(self.number) / str(members[self.number]["file"])
        if place.is_dir():
            shutil.copytree(place, work.output)
        else:
            shutil.copyfile(place, work.output)


def add_search(to: Lowering, draft: Draft, search: Step, label: str, name: str) -> tuple[Artifact, Artifact]:
    """Add a search, and the step that takes the member of its front which the draft is to become.

    Args:
        to: takes the steps.
        draft: knows its slot.
        search: writes the front.
        label: of the search, as builds print it.
        name: file or folder name of the model.

    Returns:
        The front and the model.
    """
    front = to.add(search, label)
    return front, to.add(TakeSlot(front=front, number=draft.slot, name=name), f"take slot {draft.slot + 1}")
