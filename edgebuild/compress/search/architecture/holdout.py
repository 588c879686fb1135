"""The `train` split in two: what trials learn from, and what they are scored on."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import DataError, Refused

FIT, HELD = "fit", "held"
"""Members of what is written: sample folders."""
PART = 0.2
"""Of the samples that are held out, at most `MOST`."""
MOST = 2000
FEWEST = 10


class HoldOut(Step):
    """Hold samples of a split out, as splits are made: groups whole, classes in proportion.

    A search never sees `select` and `report`: whoever tries many networks on them finds those that suit them by chance.
    """

    version: ClassVar[int] = 2
    tools: ClassVar[tuple[str, ...]] = ("numpy",)
    filename: ClassVar[str] = "halves"

    samples: Artifact
    seed: int = 0
    grouped: bool = False

    def run(self, work: Workspace) -> None:
        """Raises: Refused: there are too few samples."""
        hold_out(work.path(self.samples), self.seed, self.grouped, work.output)


def hold_out(samples: Path, seed: int, grouped: bool, output: Path) -> None:
    """The work itself, over paths and values."""
    from edgebuild.data.partition import partition
    from edgebuild.data.samples import SampleSet
    from edgebuild.data.splits import Split

    every = SampleSet.load(samples)
    count = min(MOST, round(PART * len(every)))
    if count < FEWEST:
        why = f"`train` has {len(every)} samples, of which a search would judge by {count}."
        raise Refused(by="search", why=why, fix=f"Give `train` at least {int(FEWEST / PART)} samples.")
    try:
        rows = partition(every, {"select": Split(count=count), "train": Split()}, seed, grouped)
    except DataError as error:
        why = f"no part of `train` can be held out: {error.problems[0].what}"
        raise Refused(by="search", why=why, fix="Give `train` samples of more groups.") from error
    every.take(rows["train"]).save(output / FIT)
    every.take(rows["select"]).save(output / HELD)
