"""LiteRT (TensorFlow Lite): TFLite models on processors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.runtimes.base import HERE, Target
from edgebuild.runtimes.litert.providers import LiteRTProvider, Processor, delegates
from edgebuild.runtimes.providers import ConflictError, Fallback, check


class LiteRTTarget(Target):
    """LiteRT on a device."""

    runtime: Literal["litert"]
    """Name of the runtime."""
    threads: int = Field(default=1, ge=1, le=256)
    """Threads of the interpreter and of XNNPACK."""
    xnnpack: bool = True
    """Whether XNNPACK takes what it can of the processor's part; the built-in kernels alone where not."""
    providers: tuple[LiteRTProvider, ...] = Field(default=(LiteRTProvider(cpu=Processor()),), min_length=1)
    """Who executes operators, the preferred one first: `[npu, cpu]`, `[{gpu: {is_precision_loss_allowed: true}}]`."""
    fallback: Fallback = "count"
    """Operators that run on the built-in kernels although others are preferred: allowed, counted, or refused."""
    io: Literal["float32", "int8", "uint8", "int16"] = "float32"
    """Type at the ends of quantized candidates; `source` and models of your own keep theirs."""

    title: ClassVar[str] = "LiteRT"
    format: ClassVar[str] = "tflite"
    extra: ClassVar[str] = "litert"
    distributions: ClassVar[tuple[str, ...]] = ("numpy", "ai-edge-litert", "ai-edge-quantizer")
    runs_on: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "numpy")
    takes_ranges: ClassVar[bool] = True
    times_drafts: ClassVar[bool] = True
    searchable: ClassVar[tuple[str, ...]] = ("threads", "xnnpack")

    @model_validator(mode="after")
    def _consistent(self) -> LiteRTTarget:
        if "fallback" in self.model_fields_set or "providers" in self.model_fields_set:
            check(self.providers, self.fallback, "cpu")
        if not self.xnnpack and any(item.word == "xnnpack" for item in self.providers):
            fix = "Remove one of them: `providers: [cpu], xnnpack: false` are the built-in kernels."
            raise ConflictError("`xnnpack: false` contradicts `xnnpack` among `providers`", fix)
        return self

    def default_recipes(self) -> dict[str, Recipe]:
        """Float16 weights, static INT8 and dynamic INT8."""
        return {
            "float16": Recipe(stages=(Quantize(weights="float16"),)),
            "int8": Recipe(stages=(Quantize(weights="int8", activations="int8"),)),
            "int8-dynamic": Recipe(stages=(Quantize(weights="int8", activations="dynamic"),)),
        }

    def quantize(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Static with one shared calibration, dynamic, or weights alone.

        Raises:
            Refused: LiteRT has no such scheme.
        """
        from edgebuild.compress.quantize import tflite
        from edgebuild.compress.quantize.handed import ranges_of
        from edgebuild.compress.quantize.handed_tflite import HandTfliteRanges

        match (how.weights, how.activations):
            case ("mixed", "int8"):
                return self.mixed(to, draft, how)
            case ("int8", "int8"):
                calibrated = to.add(
                    tflite.CalibrateTflite(model=draft.model, calibration=to.calibration()), "calibrate"
                )
                ranges, found = ranges_of(to, draft, calibrated, HandTfliteRanges)
                step = tflite.QuantizeTfliteStatic(model=draft.model, ranges=ranges, per_channel=how.per_channel)
                found = found or "mean ranges of the calibration samples"
                words = f"static INT8: S8 activations, S8 weights {grain(how)}, {found}"
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

    def mixed(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """A slot of the front over what layers are computed in."""
        from edgebuild.compress.search.precision.slots import take_slot
        from edgebuild.compress.search.precision.tflite import SCHEMES, STATIC, SearchTflite, SearchTfliteTimed

        calibration = to.calibration() if to.has("calibrate") else None
        kind = SearchTfliteTimed if to.clock else SearchTflite
        search = kind(
            model=draft.model,
            calibration=calibration,
            samples=to.runs("select"),
            call=self.call(),
            clock=to.clock,
            floats=how.keep_float,
            schemes=tuple(item for item in SCHEMES if calibration is not None or item != STATIC),
        )
        return take_slot(to, draft, search, "model.tflite", "8 bits in some layers")

    def finish(self, to: Lowering, draft: Draft) -> Draft:
        """Integers at the ends where they are asked for; held to the delegates where they are to run here."""
        if self.io != "float32":
            draft = self.with_ends(to, draft)
        special = self.accelerators or self.fallback == "refuse"
        if not special or self.device != HERE:
            return draft
        from edgebuild.runtimes.litert.placement import HoldToDelegates

        first = self.providers[0].delegate.native
        step = HoldToDelegates(model=draft.model, call=self.call(), first=first, fallback=self.fallback != "refuse")
        return draft.model_copy(update={"model": to.add(step, "hold to the delegates")})

    def with_ends(self, to: Lowering, draft: Draft) -> Draft:
        """The draft with `io` at its ends; one that nothing was done to stays what a ratio is against."""
        from edgebuild.compress.quantize.tflite_ends import ChangeEnds

        if not draft.words or self.io == "float32":
            return draft
        refuse_states(to.surroundings["states"])
        return draft.then(to.add(ChangeEnds(model=draft.model, ends=self.io), "change the ends"), f"{self.io} ends")

    @property
    def accelerators(self) -> list[LiteRTProvider]:
        """Delegates that are more than the processor."""
        return delegates(self.providers)

    def call(self) -> Call:
        """The session and its options; for a device elsewhere the model runs on the processor of this machine."""
        options: dict[str, Any] = {"threads": self.threads, "xnnpack": self.xnnpack}
        if self.accelerators and self.device == HERE:
            options["delegates"] = [item.rendered() for item in self.accelerators]
        return Call(session="edgebuild.runtimes.litert.session", options=options, runtime="litert")

    def config(self) -> dict[str, Any]:
        """`interpreter_options.json` of a package: names and values as LiteRT has them."""
        resolver = "AUTO" if self.xnnpack else "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
        config: dict[str, Any] = {"num_threads": self.threads, "op_resolver_type": resolver}
        if self.accelerators:
            config |= {"delegates": [item.rendered() for item in self.accelerators], "fallback": self.fallback}
        return config

    def account(self, model: Artifact, sample: Artifact) -> Step:
        """See `AccountTflite`."""
        from edgebuild.runtimes.litert.account import AccountTflite

        elsewhere = self.accelerators and self.device != HERE and self.fallback != "allow"
        return AccountTflite(
            model=model,
            samples=sample,
            call=self.call(),
            versions=installed(self.runs_on),
            wanted=self.providers[0].delegate.native if elsewhere else "",
        )


def grain(how: Quantize) -> str:
    """`per channel` or `per tensor`."""
    return "per channel" if how.per_channel else "per tensor"


def refuse_states(states: Mapping[str, str]) -> None:
    """Raises: Refused: integers of an output are no integers of the input they would be fed to: the scales differ."""
    if states:
        name, output = next(iter(states.items()))
        raise Refused(
            by="litert",
            why=f"`io` makes integers of `{output}` and of the state `{name}` that it is fed to, with another scale.",
            fix="Remove `io` from the target; states stay real numbers.",
            kind="not applicable",
        )
