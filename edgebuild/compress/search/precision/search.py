"""The search over precisions: sensitivities, coarse regions, finer borders, exceptions, calibrations, finalists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import ClassVar

from edgebuild.compress.quantize.stage import SLOTS
from edgebuild.compress.search.front import write_front
from edgebuild.compress.search.precision.account import member, nothing_gained, nothing_made, told
from edgebuild.compress.search.precision.bits import quietest
from edgebuild.compress.search.precision.explorer import BATCH, Explorer
from edgebuild.compress.search.precision.frontier import BETTER_DB, Tried, spread, worthwhile
from edgebuild.compress.search.precision.mixtures import (
    Layer,
    Mixture,
    Ranges,
    coarse,
    exceptions,
    neighbours,
)
from edgebuild.compress.search.precision.trials import TryMixtures
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Clock
from edgebuild.core.searches import TRIALS_FILE
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

ROUNDS = 3
"""Times that the borders of the best are moved."""
FINALISTS = 10
"""Mixtures that are timed again beside each other."""
WORST = 3
"""Layers of a region that are left in floating point in turn."""


class SearchPrecision(Step):
    """The front of speed and nearness over which layers of a model are in integers.

    Sensitivities of single layers, then contiguous regions on a grid of about ten borders, finer borders about the
    best, the most sensitive layers inside them left out, other calibrations for the finalists; each trial timed beside
    the source on the target. The finalists are timed again in one process of their own, so that luck in a batch does
    not choose. What it writes beside the front: `trials.json`, everything that was tried.

    Killed, it goes on where it was.
    """

    filename: ClassVar[str] = "front"
    portable: ClassVar[bool] = False
    # How many trials fit into a time depends on the clock.
    deterministic: ClassVar[bool] = False

    model: Artifact
    samples: Artifact
    """What the trials answer; neither calibrated with nor judged by."""
    call: Call
    clock: Clock | None = None
    """None where the target is not at hand: mixtures are ranked by bits, and say so."""
    slots: int = SLOTS
    most: int = 160
    """Trials."""
    seconds: float = 120.0
    """After which no new trial begins."""
    schemes: tuple[str, ...] = ("int8",)
    """How layers may be computed besides floating point; the first is tried in every region."""
    floats: tuple[str, ...] = ()
    """Globs of layers that stay in floating point whatever it costs."""

    usual: ClassVar[Ranges] = "minmax"
    """Calibration of the trials."""
    others: ClassVar[tuple[Ranges, ...]] = ("percentile", "mse")
    """Calibrations that the finalists may have instead."""
    borders: ClassVar[bool] = True
    """Whether each border between integers and floating point costs time, so that regions must be contiguous."""

    def layers(self, work: Workspace) -> list[Layer]:
        """Layers of the model in the order of execution."""
        raise NotImplementedError

    def trial(self, work: Workspace, mixtures: tuple[Mixture, ...], keep: bool) -> TryMixtures:
        """The step that makes and answers them: at least one, all of one calibration."""
        raise NotImplementedError

    def run(self, work: Workspace) -> None:
        """Raises: Refused: the model has no layers to choose from, or no mixture could be made."""
        layers = self.layers(work)
        if not layers:
            why = "the model has no layers with stored weights that have an integer form."
            raise Refused(by="search", why=why, fix="Use `float16`.", kind="not applicable")
        explorer = Explorer(
            work=work,
            layers=layers,
            make=lambda mixtures, keep: self.trial(work, mixtures, keep),
            model=self.model,
            call=self.call,
            clock=self.clock,
            most=self.most,
            seconds=self.seconds,
        )
        wholes = self.wholes(len(layers))
        noise = explorer.sensitivities(wholes[0])
        kept = self.kept(layers)
        if self.borders:
            explore(explorer, kept, noise, wholes)
        else:
            for whole in wholes:
                apart = (item.without(kept) for item in quietest(noise, whole))
                explorer.attempt(item for item in apart if item.layers)
        found = finalists(explorer, self.others)
        members = self.improved(explorer, spread(found, self.slots))
        if not explorer.tried:
            raise Refused(by="search", why=nothing_made(explorer), kind="not applicable")
        why = "" if members else nothing_gained(explorer, found)
        write_front(work.output, [member(item, layers) for item in members], why)
        account = told(explorer, noise, members, [*found, *members]) | {"scheme": wholes[0].scheme}
        (work.output / TRIALS_FILE).write_text(json.dumps(account, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def improved(self, _explorer: Explorer, members: list[Tried]) -> list[Tried]:
        """The members with what makes them better at no cost of time."""
        return members

    def wholes(self, count: int) -> list[Mixture]:
        """All layers in each scheme."""
        return [Mixture(first=0, last=count - 1, scheme=scheme, ranges=self.usual) for scheme in self.schemes]

    def kept(self, layers: Sequence[Layer]) -> tuple[int, ...]:
        """Indices of the layers that stay in floating point.

        Raises:
            Refused: a glob matches no layer, or they match all.
        """
        found: list[int] = []
        for pattern in self.floats:
            matching = [index for index, layer in enumerate(layers) if fnmatchcase(layer.name, pattern)]
            if not matching:
                names = ", ".join(layer.name for layer in layers)
                why = f"`keep_float` matches no layer with `{pattern}`."
                raise Refused(by="search", why=why, fix=f"Its layers: {names}.")
            found += matching
        if len(set(found)) == len(layers):
            why = "`keep_float` names every layer, and leaves none to choose."
            raise Refused(by="search", why=why, fix="Take one of its globs out.")
        return tuple(sorted(set(found)))


def explore(explorer: Explorer, kept: tuple[int, ...], noise: Sequence[float], wholes: Sequence[Mixture]) -> None:
    """Try whole models, then regions, then what lies about the best of them.

    Of the first scheme all regions are tried: it may lose as a whole and gain in a part. Of another one they are where
    the whole gains.
    """
    count = len(explorer.layers)

    def attempt(mixtures: Sequence[Mixture]) -> list[Tried]:
        apart = (item.without(kept) for item in mixtures)
        return explorer.attempt(item for item in apart if item.layers)

    gaining = {wholes[0].scheme, *(item.mixture.scheme for item in worthwhile(attempt(wholes)))}
    for whole in wholes:
        if whole.scheme in gaining:
            attempt(coarse(explorer.layers, whole))
    for _ in range(ROUNDS):
        best = spread(list(explorer.tried.values()), SLOTS)
        before = len(explorer.tried)
        attempt([near for item in best for near in neighbours(item.mixture, count)])
        if len(explorer.tried) == before:
            break
    best = spread(list(explorer.tried.values()), SLOTS)
    attempt([other for item in best for other in exceptions(item.mixture, noise, WORST)])


def finalists(explorer: Explorer, ways: Sequence[Ranges]) -> list[Tried]:
    """At most `FINALISTS` of the front, each with its best calibration, timed again in one process.

    Args:
        explorer: after its last trial.
        ways: calibrations of static INT8 that are tried besides the usual one.
    """
    best = spread(list(explorer.tried.values()), FINALISTS)
    final: list[Tried] = []
    # Nothing is calibrated for the other schemes.
    static = [item.mixture for item in best if item.mixture.scheme == "int8"]
    others = {mixture: [mixture.model_copy(update={"ranges": way}) for way in ways] for mixture in static}
    for way in range(len(ways)):
        # One trial holds mixtures of one calibration.
        explorer.attempt([choices[way] for choices in others.values()], clocked=False)
    for item in best:
        found = [explorer.tried[other] for other in others.get(item.mixture, ()) if other in explorer.tried]
        winner = max(found, key=lambda one: one.sqnr, default=item)
        better = winner.sqnr > item.sqnr + BETTER_DB
        # The same operators on the same shapes take the same time.
        final.append(winner.timed(item.gain, item.contended) if better else item)
    again = explorer.timed(final[:BATCH], final=True)
    explorer.retimed = bool(again)
    return again or final
