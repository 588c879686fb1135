"""The searches over ONNX models: by time, by bits where borders cost time, by bits where they do not."""

from __future__ import annotations

from typing import ClassVar

from edgebuild.compress.search.precision.explorer import Explorer
from edgebuild.compress.search.precision.frontier import Tried
from edgebuild.compress.search.precision.mixtures import Layer, Mixture, Ranges
from edgebuild.compress.search.precision.search import SearchPrecision
from edgebuild.compress.search.precision.trials import TryMixtures
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact


class SearchOnnx(SearchPrecision):
    """For ONNX models: static INT8 as ONNX Runtime's quantizer writes it."""

    version: ClassVar[int] = 8
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")

    calibration: Artifact
    """A sample folder, apart from `samples`."""
    form: dict[str, bool | str] = {}
    """Options of `quantize_static` that the runtime wants."""
    repair: bool = True
    """Whether the members of the front are repaired where that brings 0.3 dB."""

    def improved(self, explorer: Explorer, members: list[Tried]) -> list[Tried]:
        """Each with the repairs that suit it best: the same operators on the same shapes take the same time."""
        from edgebuild.compress.search.precision.repaired import improved

        return improved(explorer, members) if self.repair and members else members

    def layers(self, work: Workspace) -> list[Layer]:
        """See `onnx_layers`."""
        from edgebuild.compress.search.precision.onnx import onnx_layers

        return onnx_layers(work.path(self.model))

    def ranges(self, work: Workspace, method: Ranges) -> Artifact:
        """Activation ranges of a method; all but the usual one are chosen from histograms, which are taken once.

        ONNX Runtime's own histograms took 28 s of a search of 101 s (visual wake words), these take 2 s.
        """
        from edgebuild.compress.quantize.onnx_static import CalibrateRanges
        from edgebuild.compress.quantize.repair.histograms import ChooseRanges, TakeHistograms

        step: Step = CalibrateRanges(model=self.model, calibration=self.calibration)
        if method != self.usual:
            histograms = TakeHistograms(model=self.model, calibration=self.calibration)
            work.run(histograms)
            step = ChooseRanges.model_validate({"histograms": histograms.out(), "method": method})
        work.run(step)
        return step.out()

    def trial(self, work: Workspace, mixtures: tuple[Mixture, ...], keep: bool) -> TryMixtures:
        """From one calibration of the method that the mixtures name."""
        from edgebuild.compress.search.precision.trials import TryOnnx

        if mixtures[0].repairs:
            from edgebuild.compress.search.precision.repaired import repaired_trial

            return repaired_trial(self, work, mixtures, keep)
        return TryOnnx(
            model=self.model,
            ranges=self.ranges(work, mixtures[0].ranges),
            samples=self.samples,
            call=self.call,
            mixtures=mixtures,
            keep=keep,
            form=self.form,
        )


class SearchOnnxTimed(SearchOnnx):
    """The same by times taken on the target: it holds the machine alone, as its trials need it."""

    version: ClassVar[int] = 7
    deterministic: ClassVar[bool] = False
    alone: ClassVar[bool] = True


class SearchOnnxBits(SearchOnnx):
    """For runtimes that place conversions themselves, and are not timed here: the noisiest layers stay in floats."""

    version: ClassVar[int] = 7
    borders: ClassVar[bool] = False
