"""The trials of one search so far, and the batches in which new ones run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebuild.compress.search.precision.clock import gains
from edgebuild.compress.search.precision.frontier import Tried
from edgebuild.compress.search.precision.mixtures import BITS, FLOATS, UNCHANGED, Layer, Mixture, fresh, part_of, single
from edgebuild.compress.search.precision.trials import BATCH_FILE, DECLINED, TryMixtures
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Clock
from edgebuild.core.step import Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, StepError

BATCH = 12
"""Mixtures that one step makes and answers: the work that a kill can cost."""

Make = Callable[[tuple[Mixture, ...], bool], TryMixtures]
"""Builds the step that tries some mixtures; the flag says whether it keeps their models."""


@dataclass
class Explorer:
    """Runs trials once each and knows what came of them."""

    work: Workspace
    layers: Sequence[Layer]
    make: Make
    model: Artifact
    """In floating point."""
    call: Call
    """How the runtime loads the model and its mixtures."""
    clock: Clock | None
    """None where the target is not at hand: bits then stand for time."""
    most: int
    """Trials at most."""
    seconds: float
    """After which no new batch is begun; the sensitivities may take as much again."""
    tried: dict[Mixture, Tried] = field(default_factory=dict)
    refused: dict[Mixture, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    untimed: set[Mixture] = field(default_factory=set)
    """Made and answered, but the run that was to time them died."""
    cut: bool = False
    """Whether time or trials were used up before all that was wanted was tried."""
    began: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> bool:
        """Whether time or trials are used up."""
        return len(self.tried) >= self.most or time.monotonic() - self.began > self.seconds

    def sensitivities(self, like: Mixture) -> list[float]:
        """Noise of each layer alone in integers, as a part of the signal's energy; 1 where it is not known.

        The noises of several layers add up to that of all within 0.2 dB in 3 of 4 networks (measured).
        """
        rows: list[dict[str, Any]] = []
        for batch in batches(single(len(self.layers), like)):
            if rows and time.monotonic() - self.began > self.seconds:
                self.cut = True
                rows += [{}] * (len(self.layers) - len(rows))
                break
            try:
                rows += answered(self.work.run(self.make(batch, False)))
            except StepError as error:
                self.failed.append(error.problems[0].what)
                rows += [{}] * len(batch)
        self.began = time.monotonic()
        return [10 ** (-row.get("sqnr", 0.0) / 10) for row in rows]

    def attempt(self, mixtures: Iterable[Mixture], clocked: bool = True) -> list[Tried]:
        """Try those that were not tried before, until time or trials are used up.

        Returns:
            All of `mixtures` that have a result, earlier ones included.
        """
        wanted = list(dict.fromkeys(mixtures))
        for batch in batches(fresh(wanted, {**self.tried, **dict.fromkeys(self.refused)})):
            if self.spent:
                self.cut = True
                break
            try:
                self.batch(batch, clocked)
            except Refused as refused:
                self.refused |= dict.fromkeys(batch, refused.why)
        return [self.tried[item] for item in wanted if item in self.tried]

    def batch(self, mixtures: tuple[Mixture, ...], clocked: bool) -> None:
        """One trial: models, answers, times.

        Raises:
            Refused: none of them can be made: they have no such calibration, or repair.
        """
        try:
            trial = self.make(mixtures, True)
            folder = self.work.run(trial)
        except StepError as error:
            self.failed.append(error.problems[0].what)
            self.refused |= dict.fromkeys(mixtures, error.problems[0].what)
            return
        found: list[Tried] = []
        for number, (mixture, row) in enumerate(zip(mixtures, answered(folder), strict=True)):
            if "refused" in row:
                self.refused[mixture] = str(row["refused"])
                continue
            name = f"{number}{trial.suffix}"
            sqnr = float(row.get("sqnr", DECLINED))
            found.append(Tried(mixture, trial.out() / name, folder / name, sqnr, row.get("agreement")))
        for item in self.timed(found) if clocked else found:
            self.tried[item.mixture] = item
        total = min(self.most, len(self.tried) + len(self.refused) + BATCH)
        left = max(0.0, self.seconds - (time.monotonic() - self.began))
        words = f"mixtures tried, at most {left:.0f} s left"
        self.work.progress(len(self.tried) + len(self.refused), total, words)

    def timed(self, found: Sequence[Tried], final: bool = False) -> list[Tried]:
        """With the gain of each: times on the target, else bits; `final`: with the longer run of finalists."""
        if not found:
            return []
        if self.clock is None:
            return [item.timed(self.bits(item.mixture)) for item in found]
        models = [self.model, *(item.model for item in found)]
        try:
            found_gains, contended = gains(self.work, self.clock, self.call, models, final)
        except (Refused, StepError) as error:
            self.failed.append(str(error))
            self.untimed |= {item.mixture for item in found}
            return []
        return [item.timed(gain, contended) for item, gain in zip(found, found_gains, strict=True)]

    def bits(self, mixture: Mixture) -> float:
        """32 over the mean bits after: how much less is moved, no time."""
        part, kept = mixture.work(self.layers), part_of(mixture.kept, self.layers)
        bits = BITS[mixture.others] * (1 - part - kept) + BITS[mixture.scheme] * part + BITS[UNCHANGED] * kept
        return round(BITS[FLOATS] / bits, 4)


def answered(folder: Path) -> list[dict[str, Any]]:
    """Rows of a batch, one for each of its mixtures in order (see `TryMixtures`)."""
    rows: list[dict[str, Any]] = json.loads((folder / BATCH_FILE).read_text(encoding="utf-8"))
    return rows


def batches(mixtures: Sequence[Mixture]) -> Iterator[tuple[Mixture, ...]]:
    """Consecutive groups of at most `BATCH`."""
    for start in range(0, len(mixtures), BATCH):
        yield tuple(mixtures[start : start + BATCH])
