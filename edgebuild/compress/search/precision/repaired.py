"""Mixtures of integers and floating point with the repairs of static INT8."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from edgebuild.compress.quantize.repair.histograms import ChooseRanges, TakeHistograms
from edgebuild.compress.quantize.repair.smooth import SmoothActivations
from edgebuild.compress.search.precision.frontier import BETTER_DB, Tried, front, worthwhile
from edgebuild.compress.search.precision.mixtures import Mixture
from edgebuild.compress.search.precision.trials import TryMixtures, TryOnnx
from edgebuild.core.step import Workspace
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

if TYPE_CHECKING:
    from edgebuild.compress.search.precision.explorer import Explorer
    from edgebuild.compress.search.precision.onnx_search import SearchOnnx

WAYS: tuple[tuple[Literal["smooth", "rounding", "bias"], ...], ...] = (
    ("rounding", "bias"),
    ("smooth", "rounding", "bias"),
)
"""Repairs that the members of a front are tried with, besides the ranges of least error."""
ALPHA = 0.25
"""Of smoothing: the best quarter on two networks where rounding and bias correction follow (measured)."""
LONGER = 1.5
"""Multiple of a search's `seconds` after which it tries no further one of `WAYS`."""
SAMPLES = 48
"""Samples that covariances and means are taken from."""


class TryRepaired(TryOnnx):
    """As `TryOnnx`, with adaptive rounding and bias correction of what the mixtures name; all name the same."""

    version: ClassVar[int] = 2

    base: Artifact
    """What the ranges are of: the model, or one with rescaled channels and the same answers."""
    calibration: Artifact
    """A sample folder."""

    def start(self, work: Workspace) -> Path:
        """See `TryMixtures`."""
        return work.path(self.base)

    def repair(self, work: Workspace, made: Path) -> None:
        """See `TryMixtures`."""
        inputs = work.path(self.calibration) / "inputs.npz"
        repair_mixture(work.path(self.base), made, inputs, self.mixtures[0].repairs)


def repair_mixture(model: Path, made: Path, inputs: Path, repairs: tuple[str, ...]) -> None:
    """Round the weights of the integer layers anew and correct the biases of all, in place."""
    import onnx

    from edgebuild.compress.quantize.repair.bias import corrected
    from edgebuild.compress.quantize.repair.pairs import with_names
    from edgebuild.compress.quantize.repair.rounding import rounded
    from edgebuild.compress.quantize.repair.taps import samples_of

    floating, mixture = with_names(onnx.load(model)), onnx.load(made)
    for name, work in (("rounding", rounded), ("bias", corrected)):
        if name in repairs:
            try:
                work(floating, mixture, samples_of(model, inputs, SAMPLES))
            except Refused:
                # A layer without bias, or none in integers: the mixture is worth a look without it.
                continue
    onnx.save(mixture, made)


def improved(explorer: Explorer, members: list[Tried]) -> list[Tried]:
    """Each member with the repairs that suit it best.

    The same operators on the same shapes take the same time; smoothing may add some, so it is timed again.
    """
    found = list(members)
    for repairs in WAYS:
        if time.monotonic() - explorer.began > explorer.seconds * LONGER:
            break
        update = {"ranges": "mse", "repairs": repairs}
        wanted = [item.mixture.model_copy(update=update) for item in members]
        try:
            explorer.batch(tuple(wanted), clocked=False)
        except Refused:
            # No activation of the model can be smoothed.
            continue
        for row, (item, mixture) in enumerate(zip(members, wanted, strict=True)):
            tried = explorer.tried.get(mixture)
            if tried is not None and tried.sqnr > found[row].sqnr + BETTER_DB:
                found[row] = tried.timed(item.gain, item.contended)
    if any("smooth" in item.mixture.repairs for item in found):
        found = explorer.timed(found, final=True) or members
    # One may have become nearer than a slower one, or no gain at all.
    return front(worthwhile(found))


def repaired_trial(search: SearchOnnx, work: Workspace, mixtures: tuple[Mixture, ...], keep: bool) -> TryMixtures:
    """From one base, rescaled or not, and its ranges of least error."""
    base = search.model
    if "smooth" in mixtures[0].repairs:
        smoothed = SmoothActivations(model=base, calibration=search.calibration, alpha=ALPHA)
        work.run(smoothed)
        base = smoothed.out()
    histograms = TakeHistograms(model=base, calibration=search.calibration)
    work.run(histograms)
    ranges = ChooseRanges(histograms=histograms.out(), method="mse")
    work.run(ranges)
    return TryRepaired(
        model=search.model,
        base=base,
        calibration=search.calibration,
        ranges=ranges.out(),
        samples=search.samples,
        call=search.call,
        mixtures=mixtures,
        keep=keep,
        form=search.form,
    )
