"""Trials of one search: a network built, converted and timed, then trained rung by rung while it is worth it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from edgebuild.compress.search.architecture.build import COST, START, BuildNetwork
from edgebuild.compress.search.architecture.frontier import Tried, hopeless, rungs
from edgebuild.compress.search.architecture.holdout import FIT
from edgebuild.compress.search.architecture.space import Choices, words
from edgebuild.compress.search.precision.clock import gains
from edgebuild.compress.train.schedule import rates
from edgebuild.compress.train.scores import judged
from edgebuild.compress.train.segment import MODEL, STATE, How, TrainSegment
from edgebuild.core.step import Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused, StepError

if TYPE_CHECKING:
    from edgebuild.compress.search.architecture.search import SearchArchitecture

Lost = tuple[Choices, str]
"""A network that could not be built, timed or trained, and why."""


@dataclass
class Attempts:
    """Runs trials one after the other; each of its steps is stored as it ends."""

    step: SearchArchitecture
    work: Workspace
    tell: Callable[[str], None]
    """Reports progress, in words."""
    tried: list[Tried] = field(default_factory=list)
    refused: list[Lost] = field(default_factory=list)
    """A tool, the runtime or a rule of the space declined them."""
    failed: list[Lost] = field(default_factory=list)
    """Lost to a crash or a time-out; another run may bring them."""

    def attempt(self, choices: Choices) -> Tried | None:
        """One trial; None where there can be no such network.

        Raises:
            UserCodeError: the user's builder is at fault.
        """
        try:
            item = self.begun(choices)
            for number in range(len(rungs(self.step.epochs))):
                self.tell(words(choices))
                self.train(item, number)
                if hopeless(item, self.tried) and item.epochs < self.step.epochs:
                    item.stopped = True
                    break
        except Refused as refused:
            self.refused.append((choices, f"{refused.by}: {refused.why}"))
            return None
        except StepError as error:
            self.failed.append((choices, error.problems[0].what))
            return None
        self.tried.append(item)
        return item

    def begun(self, choices: Choices) -> Tried:
        """A network built, converted and timed before it is trained: its time does not depend on its weights."""
        step = self.step
        build = BuildNetwork(facts=step.facts, space=step.space, code=step.code, choices=choices, seed=step.seed)
        cost = json.loads((self.work.run(build) / COST).read_text(encoding="utf-8"))
        start = made = build.out() / START
        for hop in step.lane.steps(start):
            self.work.run(hop)
            made = hop.out()
        macs = None if cost["macs"] is None else int(cost["macs"])
        item = Tried(choices, start, made, gain=0.0, macs=macs, weights=int(cost["weights"]))
        if step.clock is None:
            item.gain = self.on_paper(item)
        else:
            ((item.gain, item.contended),) = self.timed([item])
        return item

    def on_paper(self, item: Tried) -> float:
        """Multiplications of the spec's model over those of the network, or weights where these are not known.

        An estimate: it knows neither memory-bound layers nor the runtime's kernels.
        """
        facts = self.source
        mine, source = (
            (item.macs, facts["macs"]) if item.macs and facts["macs"] else (item.weights, facts["parameters"])
        )
        return float(f"{source / max(1, mine):.6g}")

    @cached_property
    def source(self) -> dict[str, int]:
        """`model.json` of the spec's model, of which `macs` (null where not known) and `parameters` are read."""
        found: dict[str, int] = json.loads(self.work.path(self.step.facts).read_text(encoding="utf-8"))
        return found

    @property
    def counted(self) -> str:
        """What stands for time where there is no clock."""
        known = self.source["macs"] and all(item.macs for item in self.tried)
        return "multiplications" if known else "weights"

    def timed(self, items: list[Tried], final: bool = False) -> list[tuple[float, str]]:
        """Speed of each over that of the spec's model, and what disturbed the run (see `gains`).

        Raises:
            Refused: the runtime declines one of them. StepError: it died.
        """
        clock = self.step.clock
        assert clock is not None
        models = [self.step.reference, *(item.timed for item in items)]
        found, contended = gains(self.work, clock, self.step.call, models, final)
        return [(gain, contended) for gain in found]

    def train(self, item: Tried, number: int) -> None:
        """Up to the end of one rung, and its score there.

        Raises:
            Refused: it cannot be trained, diverges, or its answers have no score.
        """
        step = self.step
        last = rungs(step.epochs)[number]
        model: Artifact = item.start if item.model is None else item.model
        segment = TrainSegment(
            model=model,
            state=None if item.model is None else Artifact(id=model.id, filename=STATE, member=STATE),
            samples=step.halves / FIT,
            how=How(
                first=item.epochs,
                rates=rates("cooldown", step.learning_rate, step.epochs)[item.epochs : last],
                total=None,
                batch=step.batch,
                seed=step.seed,
                loss=step.loss,
            ),
        )
        item.path = self.work.run(segment) / MODEL
        item.model, item.epochs = segment.out() / MODEL, last
        (score,) = judged(step.judge, [item.model], self.work)
        if score is None:
            raise Refused(by="search", why=f"its answers have no {step.judge.name} after {last} epochs.")
        item.scores.append(score if step.judge.better == "higher" else -score)
