"""LiteRT (TensorFlow Lite): TFLite models on processors."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.runtimes.base import Target


class LiteRTTarget(Target):
    """LiteRT on a device."""

    runtime: Literal["litert"]
    """Name of the runtime."""
    threads: int = Field(default=1, ge=1, le=256)
    """Threads of the interpreter and of XNNPACK."""
    xnnpack: bool = True
    """Whether the XNNPACK delegate takes what it can; the built-in kernels alone where not."""

    format: ClassVar[str] = "tflite"
    extra: ClassVar[str] = "litert"
    distributions: ClassVar[tuple[str, ...]] = ("numpy", "ai-edge-litert", "ai-edge-quantizer")
    runs_on: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "numpy")

    def default_recipes(self) -> dict[str, Recipe]:
        """Float16 weights, static INT8 and dynamic INT8."""
        return {
            "float16": Recipe(stages=(Quantize(weights="float16", activations="float32"),)),
            "int8": Recipe(stages=(Quantize(weights="int8", activations="int8"),)),
            "int8-dynamic": Recipe(stages=(Quantize(weights="int8", activations="dynamic"),)),
        }

    def quantize(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Static with one shared calibration, dynamic, or weights alone.

        Raises:
            Refused: LiteRT has no such scheme.
        """
        from edgebuild.compress.quantize import tflite

        match (how.weights, how.activations):
            case ("int8", "int8"):
                ranges = to.add(tflite.CalibrateTflite(model=draft.model, calibration=to.calibration()), "calibrate")
                step = tflite.QuantizeTfliteStatic(model=draft.model, ranges=ranges, per_channel=how.per_channel)
                words = f"static INT8: S8 activations, S8 weights {grain(how)}, mean ranges of the calibration samples"
                return draft.then(to.add(step, "quantize statically"), words)
            case ("int8", "dynamic"):
                dynamic = tflite.QuantizeTfliteDynamic(model=draft.model, per_channel=how.per_channel)
                words = f"dynamic INT8: S8 weights {grain(how)}, activations quantized at run time"
                return draft.then(to.add(dynamic, "quantize dynamically"), words)
            case ("float16", "float16" | "float32"):
                half = tflite.QuantizeTfliteWeights(model=draft.model, weights="float16")
                return draft.then(to.add(half, "store weights in float16"), "float16 weights, float32 arithmetic")
            case ("int8", "float32"):
                stored = tflite.QuantizeTfliteWeights(model=draft.model, weights="int8", per_channel=how.per_channel)
                words = f"INT8 weights {grain(how)}, float32 arithmetic"
                return draft.then(to.add(stored, "store weights in 8 bits"), words)
        raise Refused(
            by="litert",
            why=f"it has no kernels for {how.weights} weights with {how.activations} activations.",
            fix="It has int8 weights with int8, dynamic or float32 activations, and float16 weights.",
            kind="not applicable",
        )

    def call(self) -> Call:
        """The session and its options."""
        options = {"threads": self.threads, "xnnpack": self.xnnpack}
        return Call(session="edgebuild.runtimes.litert.session", options=options, runtime="litert")

    def config(self) -> dict[str, Any]:
        """`interpreter_options.json` of a package: names and values as LiteRT has them."""
        resolver = "AUTO" if self.xnnpack else "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
        return {"num_threads": self.threads, "op_resolver_type": resolver}

    def account(self, model: Artifact, sample: Artifact) -> Step:
        """See `AccountTflite`."""
        from edgebuild.runtimes.litert.account import AccountTflite

        return AccountTflite(model=model, samples=sample, call=self.call(), versions=installed(self.runs_on))


def grain(how: Quantize) -> str:
    """`per channel` or `per tensor`."""
    return "per channel" if how.per_channel else "per tensor"
