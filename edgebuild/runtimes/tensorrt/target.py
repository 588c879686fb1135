"""TensorRT: ONNX models as engines for NVIDIA's GPUs. What ships is the ONNX; engines are built where they run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.prune.stage import Prune
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step
from edgebuild.core.versions import installed, version_of
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.runtimes.base import Target
from edgebuild.runtimes.tensorrt.here import WHEELS, gpu_here
from edgebuild.runtimes.tensorrt.profiles import axis_ranges

UNITS = {
    "kB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3,
}  # fmt: skip
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMG]i?B)")
CAPABILITY = re.compile(r"[0-9]{1,2}\.[0-9]")


def _size(text: str) -> str:
    found = SIZE.fullmatch(text)
    if found is None or found[2] not in UNITS or float(found[1]) <= 0:
        raise ValueError(f"must be a size like `512 MiB` or `2 GiB`, got `{text}`")
    return text


def _capability(text: str) -> str:
    if not CAPABILITY.fullmatch(text):
        raise ValueError(f"must be a compute capability like `8.7`, got `{text}`")
    return text


Size = Annotated[str, AfterValidator(_size), Field(json_schema_extra={"pattern": f"^{SIZE.pattern}$"})]
Capability = Annotated[
    str, AfterValidator(_capability), Field(json_schema_extra={"pattern": f"^{CAPABILITY.pattern}$"})
]

FORM: dict[str, Any] = {"activations": "int8", "symmetric": True, "quantize_bias": False, "weighted_only": True}
"""Of static INT8: what TensorRT's parser takes; see `static`."""


class TensorrtTarget(Target):
    """TensorRT on a device."""

    runtime: Literal["tensorrt"]
    """Name of the runtime."""
    version: Literal["10", "11"] = "11"
    """The TensorRT of the device; JetPack 6 has 10. Another version gets another command, not another model."""
    workspace: Size | None = None
    """Memory of the GPU that kernels may use while they run: `512 MiB`. All of it where left out."""
    builder_optimization_level: int = Field(default=3, ge=0, le=5)
    """How long the builder looks for faster kernels; TensorRT's own level is 3."""
    tf32: bool = True
    """Whether float32 products may round their inputs to 10 bits of mantissa, TensorRT's own way where the GPU can."""
    compute_capability: Capability | None = None
    """Of the device's GPU, in quotes: `"8.6"`. A TensorRT-RTX engine for it is built ahead, where that can."""
    threads: int = Field(default=1, ge=1, le=256)
    """Of ONNX Runtime, where the graph is run on the processor in place of a GPU."""

    title: ClassVar[str] = "TensorRT"
    ends: ClassVar[str] = "TensorRT-RTX's parser"
    format: ClassVar[str] = "onnx"
    repairs: ClassVar[bool] = True
    extra: ClassVar[str] = "tensorrt"
    distributions: ClassVar[tuple[str, ...]] = (
        "numpy", "onnx", "onnxruntime", "onnxsim", "onnxconverter-common", *WHEELS,
    )  # fmt: skip
    runs_on: ClassVar[tuple[str, ...]] = ("tensorrt", "onnxruntime", "numpy")

    def default_recipes(self) -> dict[str, Recipe]:
        """Float16 and static INT8."""
        return {
            "float16": Recipe(stages=(Quantize(weights="float16", activations="float16"),)),
            "int8": Recipe(stages=(Quantize(weights="int8", activations="int8"),)),
        }

    def quantize(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Precision is in the graph: float16 types, or Q/DQ pairs around 0.

        Raises:
            Refused: TensorRT has no such scheme.
        """
        match (how.weights, how.activations):
            case ("mixed", "int8"):
                return self.mixed(to, draft, how)
            case ("int8", "int8"):
                return self.static(to, draft, how)
            case ("float16", "float16"):
                from edgebuild.compress.quantize.onnx_float16 import ConvertFloat16

                model = to.add(ConvertFloat16(model=draft.model), "convert to float16")
                return draft.then(model, "float16 weights and arithmetic, float32 inputs and outputs")
        operators = " Its parser has no ConvInteger or MatMulInteger." if how.activations == "dynamic" else ""
        raise Refused(
            by="tensorrt",
            why=f"it has no kernels for {how.weights} weights with {how.activations} activations.{operators}",
            fix="It has int8 for both, with ranges of calibration samples, and float16 for both.",
            kind="not applicable",
        )

    def static(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Zero points other than 0 and biases of 32-bit integers are refused by TensorRT's parser.

        Only what goes into operators with weights is quantized: NVIDIA's advice for explicit quantization, as results
        of such operators may be wanted exactly and are requantized in the kernel where they are not.
        """
        from edgebuild.compress.quantize.onnx_static import CalibrateRanges, QuantizeStatic

        if how.repaired:
            from edgebuild.compress.search.repaired import repaired

            return repaired(to, draft, how, dict(FORM), self.call())
        ranges = to.add(CalibrateRanges(model=draft.model, calibration=to.calibration()), "calibrate")
        step = QuantizeStatic(model=draft.model, ranges=ranges, per_channel=how.per_channel, **FORM)
        grain = "per channel" if how.per_channel else "per tensor"
        words = (
            f"static INT8 QDQ around 0: S8 activations, S8 weights {grain}, min-max ranges of the calibration samples, "
            "all else in float32"
        )
        return draft.then(to.add(step, "quantize statically"), words)

    def mixed(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """A slot of the front of bits and nearness over which layers are in integers; no engine is timed here."""
        from edgebuild.compress.search.precision.onnx_search import SearchOnnxBits
        from edgebuild.compress.search.precision.slots import take_slot

        search = SearchOnnxBits(
            model=draft.model,
            calibration=to.calibration(),
            samples=to.runs("select"),
            call=self.call(),
            floats=how.keep_float,
            repair=how.repaired,
            form=FORM,
        )
        return take_slot(to, draft, search, "model.onnx", "static INT8 QDQ around 0 in some layers")

    def prune(self, to: Lowering, draft: Draft, how: Prune) -> Draft:
        """Two of each four weights: what sparse tensor cores skip, where the builder is allowed to use them.

        Raises:
            Refused: kind "not applicable": single weights that lie anywhere are computed like any other.
        """
        if how.pattern != "2:4":
            raise Refused(
                by="tensorrt",
                why="it stores and computes zeros like any other number, but for two of each four.",
                fix='Write `pattern: "2:4"`.',
                kind="not applicable",
            )
        from edgebuild.compress.prune.onnx_sparse import PruneTwoOfFour

        model = to.add(PruneTwoOfFour(model=draft.model), "leave out two of each four weights")
        words = "two of each four weights at zero along the input channels, for builders with `SPARSE_WEIGHTS`"
        return draft.then(model, words)

    def finish(self, to: Lowering, draft: Draft) -> Draft:
        """Ask the parser, where it is here."""
        if not self.parser:
            return draft
        from edgebuild.runtimes.tensorrt.check import CheckTensorrt

        checked = to.add(CheckTensorrt(model=draft.model), "ask TensorRT's parser")
        return draft.model_copy(update={"model": checked})

    @property
    def parser(self) -> bool:
        """Whether the TensorRT-RTX wheels are installed; there are none for Arm boards."""
        return all(version_of(name) for name in WHEELS)

    def call(self) -> Call:
        """The session and its options: TensorRT where a GPU and the package are here, else the same graph in ORT."""
        found = gpu_here()
        options: dict[str, Any] = {"execute": "onnxruntime", "threads": self.threads}
        if "missing" not in found:
            options = {
                "execute": "tensorrt",
                "threads": 1,
                "workspace": self.workspace_bytes,
                "builder_optimization_level": self.builder_optimization_level,
                "tf32": self.tf32,
                "gpu": found,
            }
        return Call(session="edgebuild.runtimes.tensorrt.session", options=options, runtime="tensorrt")

    def simulated(self) -> str:
        """Why numbers from here are not TensorRT's; "" where it runs here."""
        missing = gpu_here().get("missing")
        if missing is None:
            return ""
        return (
            "ONNX Runtime's kernels on this machine's processor compute the same graph; "
            f"no GPU with TensorRT here: {missing}"
        )

    @property
    def workspace_bytes(self) -> int:
        """0 where nothing is said."""
        found = SIZE.fullmatch(self.workspace or "")
        return int(float(found[1]) * UNITS[found[2]]) if found else 0

    def config(self) -> dict[str, Any]:
        """`tensorrt.json` of a package."""
        return {
            "tensorrt": self.version,
            "strongly_typed": True,
            "tf32": self.tf32,
            "workspace_bytes": self.workspace_bytes or None,
            "builder_optimization_level": self.builder_optimization_level,
            "compute_capability": self.compute_capability,
        }

    def package_config(self, shapes: Mapping[str, Mapping[str, int | str]]) -> dict[str, Any]:
        """The same, with least, usual and greatest size of each axis that the spec names."""
        return {**self.config(), "axes": axis_ranges(shapes)}

    def account(self, model: Artifact, sample: Artifact) -> Step:
        """See `AccountTensorrt`."""
        from edgebuild.runtimes.tensorrt.account import AccountTensorrt

        return AccountTensorrt(
            model=model,
            samples=sample,
            call=self.call(),
            versions=installed(self.runs_on),
            parser=self.parser,
            compute_capability=self.compute_capability or "",
            builder_optimization_level=self.builder_optimization_level,
        )
