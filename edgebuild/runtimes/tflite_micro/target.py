"""TensorFlow Lite Micro: TFLite models on microcontrollers."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Call
from edgebuild.core.evidence import Evidence
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.runtimes.base import Target

BY = "tflite-micro"


class TFLiteMicroTarget(Target):
    """TensorFlow Lite Micro on a microcontroller."""

    runtime: Literal["tflite-micro"]
    """Name of the runtime."""
    io: Literal["int8", "float32"] = "int8"
    """Type at the ends of quantized candidates; `source` and models of your own keep theirs."""

    title: ClassVar[str] = "TensorFlow Lite Micro"
    format: ClassVar[str] = "tflite"
    extra: ClassVar[str] = "micro"
    distributions: ClassVar[tuple[str, ...]] = ("numpy", "tflite-micro", "ai-edge-litert", "ai-edge-quantizer")
    runs_on: ClassVar[tuple[str, ...]] = ("tflite-micro", "numpy")
    takes_ranges: ClassVar[bool] = True
    evidence_here: ClassVar[Evidence] = "emulated"
    """What accuracy is worth when the model runs on this machine in the place of a microcontroller."""

    def simulated(self) -> str:
        """What that accuracy is, in one sentence."""
        return "TensorFlow Lite Micro's own reference kernels on this machine's processor; no clock."

    def default_recipes(self) -> dict[str, Recipe]:
        """Static INT8: the one scheme that microcontrollers have kernels for."""
        return {"int8": Recipe(stages=(Quantize(weights="int8", activations="int8"),))}

    def quantize(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Static INT8 with one shared calibration.

        Raises:
            Refused: TensorFlow Lite Micro has no such kernels.
        """
        from edgebuild.compress.quantize import tflite
        from edgebuild.compress.quantize.handed import ranges_of
        from edgebuild.compress.quantize.handed_tflite import HandTfliteRanges

        if (how.weights, how.activations) != ("int8", "int8"):
            mixed = how.activations in ("dynamic", "float32")
            raise Refused(
                by=BY,
                why=f"it has no kernels for {how.weights} weights with {how.activations} activations"
                + (": hybrid models are not supported." if mixed and how.weights == "int8" else "."),
                fix="It has int8 weights with int8 activations, and float32 for both.",
                kind="not applicable",
            )
        calibrated = to.add(tflite.CalibrateTflite(model=draft.model, calibration=to.calibration()), "calibrate")
        ranges, found = ranges_of(to, draft, calibrated, HandTfliteRanges)
        step = tflite.QuantizeTfliteStatic(model=draft.model, ranges=ranges, per_channel=how.per_channel)
        grain = "per channel" if how.per_channel else "per tensor"
        words = f"static INT8: S8 activations, S8 weights {grain}, {found or 'mean ranges of the calibration samples'}"
        return draft.then(to.add(step, "quantize statically"), words)

    def finish(self, to: Lowering, draft: Draft) -> Draft:
        """Integers at the ends of what was quantized; what nothing was done to stays what a ratio is against."""
        from edgebuild.compress.quantize.tflite_ends import ChangeEnds

        if not draft.words or self.io == "float32":
            return draft
        return draft.then(to.add(ChangeEnds(model=draft.model, ends=self.io), "change the ends"), f"{self.io} ends")

    def call(self) -> Call:
        """The session; it has no options."""
        return Call(session="edgebuild.runtimes.tflite_micro.session", runtime="tflite-micro")

    def config(self) -> dict[str, Any]:
        """Nothing: what a product sets is in the generated headers."""
        return {}

    def account(self, model: Artifact, sample: Artifact) -> Step:
        """See `AccountMicro`."""
        from edgebuild.runtimes.tflite_micro.account import AccountMicro

        return AccountMicro(model=model, samples=sample, call=self.call(), versions=installed(self.runs_on))

    def footprint(self, model: Artifact) -> Step:
        """See `MeasureArena`."""
        from edgebuild.runtimes.tflite_micro.arena import MeasureArena

        return MeasureArena(model=model)

    def beside(self, model: Artifact, footprint: Artifact | None, samples: Artifact, predicted: Artifact) -> Step:
        """See `WriteSources`."""
        from edgebuild.runtimes.tflite_micro.sources import WriteSources

        assert footprint is not None
        return WriteSources(model=model, memory=footprint, samples=samples, predicted=predicted)
