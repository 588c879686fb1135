"""ONNX Runtime: ONNX models on processors."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.runtimes.base import HERE, Target
from edgebuild.runtimes.onnxruntime.providers import CPU, Cpu, Provider, rendered
from edgebuild.runtimes.providers import Fallback, check

NO_FALLBACK = "session.disable_cpu_ep_fallback"
"""Entry with which ONNX Runtime refuses to load a model that needs the processor."""


class OnnxRuntimeTarget(Target):
    """ONNX Runtime on a device."""

    model_config = ConfigDict(serialize_by_alias=True)

    runtime: Literal["onnxruntime"]
    """Name of the runtime."""
    threads: int = Field(default=1, ge=1, le=256)
    """Threads inside an operator."""
    optimization: Literal["all", "extended", "basic", "none"] = "all"
    """How far ONNX Runtime rewrites the graph when it loads it."""
    execution: Literal["sequential", "parallel"] = "sequential"
    """Whether operators that do not wait for each other may run at once."""
    entries: dict[str, str] = {}
    """Session configuration entries, as ONNX Runtime names them."""
    providers: tuple[Provider, ...] = Field(default=(Provider(cpu=Cpu()),), min_length=1)
    """Who executes operators, the preferred one first: `[qnn, cpu]`, `[{cuda: {use_tf32: true}}]`."""
    file_format: Literal["onnx", "ort"] = Field(default="onnx", alias="format")
    """What ships: ONNX, or ONNX Runtime's own format, which its minimal builds for phones load."""
    fallback: Fallback = "count"
    """Operators that run on the processor although others are preferred: allowed silently, counted, or refused."""

    title: ClassVar[str] = "ONNX Runtime"
    format: ClassVar[str] = "onnx"
    repairs: ClassVar[bool] = True
    extra: ClassVar[str] = "onnxruntime"
    distributions: ClassVar[tuple[str, ...]] = ("numpy", "onnx", "onnxruntime", "onnxsim", "onnxconverter-common")
    runs_on: ClassVar[tuple[str, ...]] = ("onnxruntime", "numpy")
    takes_ranges: ClassVar[bool] = True
    times_drafts: ClassVar[bool] = True
    searchable: ClassVar[tuple[str, ...]] = ("threads", "optimization", "execution")

    @model_validator(mode="after")
    def _consistent(self) -> OnnxRuntimeTarget:
        if "fallback" in self.model_fields_set or "providers" in self.model_fields_set:
            check(self.providers, self.fallback, "cpu")
        return self

    def default_recipes(self) -> dict[str, Recipe]:
        """Float16, static INT8 and dynamic INT8."""
        return {
            "float16": Recipe(stages=(Quantize(weights="float16", activations="float16"),)),
            "int8": Recipe(stages=(Quantize(weights="int8", activations="int8"),)),
            "int8-dynamic": Recipe(stages=(Quantize(weights="int8", activations="dynamic"),)),
        }

    def quantize(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Static QDQ with one shared calibration, dynamic, or float16.

        Raises:
            Refused: ONNX Runtime has no such scheme.
        """
        match (how.weights, how.activations):
            case ("mixed", "int8"):
                return self.mixed(to, draft, how)
            case ("int8", "int8"):
                return self.static(to, draft, how)
            case ("int8", "dynamic"):
                from edgebuild.compress.quantize.onnx_dynamic import QuantizeDynamic

                model = to.add(QuantizeDynamic(model=draft.model, per_channel=how.per_channel), "quantize dynamically")
                return draft.then(model, f"dynamic INT8: S8 weights {grain(how)}, activations quantized at run time")
            case ("int4" | "int8", "float32"):
                from edgebuild.compress.quantize.onnx_blocks import QuantizeBlocks

                model = to.add(QuantizeBlocks(model=draft.model, bits=int(how.weights[3:])), "store weights in blocks")
                return draft.then(model, f"INT{how.weights[3:]} weights of matrix products, float32 arithmetic")
            case ("float16", "float16"):
                from edgebuild.compress.quantize.onnx_float16 import ConvertFloat16

                model = to.add(ConvertFloat16(model=draft.model), "convert to float16")
                return draft.then(model, "float16 weights and arithmetic, float32 inputs and outputs")
        raise Refused(
            by="onnxruntime",
            why=f"it has no kernels for {how.weights} weights with {how.activations} activations.",
            fix="It has int8 weights with int8, dynamic or float32 activations, int4 with float32; float16 for both.",
            kind="not applicable",
        )

    def static(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Unsigned activations with signed weights: signed ones took 2.5 times as long on x86 (measured, ResNet8)."""
        from edgebuild.compress.quantize.handed import ranges_of
        from edgebuild.compress.quantize.handed_onnx import HandOnnxRanges
        from edgebuild.compress.quantize.onnx_static import CalibrateRanges, QuantizeStatic

        if how.repaired:
            from edgebuild.compress.search.repaired import repaired

            return repaired(to, draft, how, {}, self.call())
        calibrated = to.add(CalibrateRanges(model=draft.model, calibration=to.calibration()), "calibrate")
        ranges, found = ranges_of(to, draft, calibrated, HandOnnxRanges)
        found = found or "min-max ranges of the calibration samples"
        step = QuantizeStatic(model=draft.model, ranges=ranges, per_channel=how.per_channel)
        words = f"static INT8 QDQ: U8 activations, S8 weights {grain(how)}, {found}"
        return draft.then(to.add(step, "quantize statically"), words)

    def mixed(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """A slot of the front over which layers are in integers."""
        from edgebuild.compress.search.precision.onnx_search import SearchOnnx, SearchOnnxTimed
        from edgebuild.compress.search.precision.slots import take_slot

        kind = SearchOnnxTimed if to.clock else SearchOnnx
        search = kind(
            model=draft.model,
            calibration=to.calibration(),
            samples=to.runs("select"),
            call=self.call(),
            clock=to.clock,
            floats=how.keep_float,
            repair=how.repaired,
        )
        return take_slot(to, draft, search, "model.onnx", "static INT8 in some layers")

    def finish(self, to: Lowering, draft: Draft) -> Draft:
        """In the format that ships; held to the providers where they are to run here."""
        if self.file_format == "ort":
            from edgebuild.runtimes.onnxruntime.ort_format import ConvertToOrt

            made = to.add(ConvertToOrt(model=draft.model, optimization=self.optimization), "write ORT format")
            draft = draft.model_copy(update={"model": made})
        if not self.accelerated or self.device != HERE:
            return draft
        from edgebuild.runtimes.onnxruntime.placement import HoldToProviders

        step = HoldToProviders(model=draft.model, call=self.call(), fallback=self.fallback != "refuse")
        return draft.model_copy(update={"model": to.add(step, "hold to the providers")})

    def beside(
        self,
        model: Artifact,
        footprint: Artifact | None,  # noqa: ARG002
        samples: Artifact,  # noqa: ARG002
        predicted: Artifact,  # noqa: ARG002
    ) -> Step | None:
        """The operators that a minimal build of ONNX Runtime needs, where the model is for one."""
        from edgebuild.runtimes.onnxruntime.ort_format import WriteRequiredOperators

        return WriteRequiredOperators(model=model) if self.file_format == "ort" else None

    @property
    def accelerated(self) -> bool:
        """Whether others than ONNX Runtime's own kernels are asked for."""
        return any(item.word != "cpu" for item in self.providers)

    def call(self) -> Call:
        """The session and its options; those at their default of the session are left out.

        For a device elsewhere the model runs on ONNX Runtime's own kernels, on every machine alike.
        """
        here = self.device == HERE
        options: dict[str, Any] = {
            "threads": self.threads,
            "optimization": self.optimization,
            "execution": self.execution,
            "providers": rendered(self.providers) if here else [CPU],
        }
        entries = self.entries | (self.forbidding if here else {})
        if entries:
            options["config"] = entries
        return Call(session="edgebuild.runtimes.onnxruntime.session", options=options, runtime="onnxruntime")

    @property
    def forbidding(self) -> dict[str, str]:
        """The entry that forbids falling back, where that is wanted."""
        return {NO_FALLBACK: "1"} if self.fallback == "refuse" else {}

    def config(self) -> dict[str, Any]:
        """`session_options.json` of a package: names and values as ONNX Runtime has them."""
        levels = {"all": "ALL", "extended": "EXTENDED", "basic": "BASIC"}
        level = levels.get(self.optimization)
        return {
            "intra_op_num_threads": self.threads,
            "inter_op_num_threads": 1,
            "graph_optimization_level": f"ORT_ENABLE_{level}" if level else "ORT_DISABLE_ALL",
            "execution_mode": f"ORT_{self.execution.upper()}",
            "providers": rendered(self.providers),
            "session_config_entries": {
                "session.intra_op.allow_spinning": "0",
                "session.inter_op.allow_spinning": "0",
                **self.entries,
                **self.forbidding,
            },
        }

    def account(self, model: Artifact, sample: Artifact) -> Step:
        """See `AccountOnnx`."""
        from edgebuild.runtimes.onnxruntime.account import AccountOnnx

        wanted = tuple(item.options.native for item in self.providers) if self.accelerated else ()
        return AccountOnnx(
            model=model,
            samples=sample,
            call=self.call(),
            versions=installed(self.runs_on),
            wanted=wanted if self.fallback != "allow" else (),
        )


def grain(how: Quantize) -> str:
    """`per channel` or `per tensor`."""
    return "per channel" if how.per_channel else "per tensor"
