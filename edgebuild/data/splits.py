"""`data.splits`: which samples serve to train, to calibrate, to choose and to judge."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from edgebuild.core.records import Documented
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact

SplitName = Literal["train", "calibrate", "select", "report"]
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "calibrate", "select", "report")

PERCENT = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*")


class Split(Documented):
    """One entry of `data.splits`: `1000`, `20 %`, or a mapping. Without count and share it takes all that is left."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    count: int | None = Field(default=None, ge=1)
    """Number of samples."""
    share: float | None = Field(default=None, gt=0, le=1)
    """Part of the samples it draws from, 0..1; `20 %` is fine too."""
    source: SplitName | None = Field(default=None, alias="from")
    """Draw from this split, which keeps its samples: `{from: train, count: 300}`."""
    where: dict[str, str | int | float | bool] = {}
    """Only samples whose tags have these values."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"count": value}
        if isinstance(value, str) and PERCENT.fullmatch(value):
            return {"share": _share(value)}
        if isinstance(value, dict) and isinstance(value.get("share"), str) and PERCENT.fullmatch(value["share"]):
            return {**value, "share": _share(value["share"])}
        return value

    @model_validator(mode="after")
    def _one_size(self) -> Split:
        if self.count is not None and self.share is not None:
            raise ValueError("must have `count` or `share`, not both; keep one of them")
        return self


def _share(text: str) -> float:
    found = PERCENT.fullmatch(text)
    assert found is not None
    return float(found.group(1)) / 100


class TakeSamples(Step):
    """A part of one split, chosen as splits are: by a hash of the ids, groups whole, classes in proportion."""

    version = 1
    tools = ("numpy",)
    filename = "samples"

    samples: Artifact
    """A split."""
    count: int
    """At most so many."""
    seed: int = 0
    grouped: bool = False

    def run(self, work: Workspace) -> None:
        """Write a sample folder."""
        from edgebuild.data.partition import partition
        from edgebuild.data.samples import SampleSet

        samples = SampleSet.load(work.path(self.samples))
        rows = list(range(len(samples)))
        if len(rows) > self.count:
            rows = partition(samples, {"report": Split(count=self.count)}, self.seed, self.grouped)["report"]
        samples.take(rows).save(work.output)


class SplitSamples(Step):
    """Give each split its samples, by a hash of their ids.

    No sample is in two splits, but for a split drawn `from` another one. A group is never cut. Classes are kept in
    proportion. One more sample in the data moves at most two others into or out of a split (see `data/partition.py`).

    Writes the folder `train/ calibrate/ select/ report/`, each a sample folder.
    """

    version = 2
    tools = ("numpy",)
    filename = "splits"

    samples: Artifact
    splits: dict[SplitName, Split]
    seed: int = 0
    grouped: bool = False

    def run(self, work: Workspace) -> None:
        """Raises: DataError: a split asks for more samples than there are, with the counts."""
        from edgebuild.data.partition import partition
        from edgebuild.data.samples import SampleSet

        samples = SampleSet.load(work.path(self.samples))
        parts = partition(samples, self.splits, self.seed, self.grouped)
        for done, (name, rows) in enumerate(parts.items()):
            work.progress(done, len(parts), name)
            samples.take(rows).save(work.output / name)
