"""Core ML: `.mlpackage` for Apple's devices."""

from __future__ import annotations

import sys
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from edgebuild.compress.base import Draft, Recipe
from edgebuild.compress.prune.stage import Prune
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.core.dossier import Call
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.runtimes.base import Target
from edgebuild.runtimes.coreml.bake import Part, baked, ranges
from edgebuild.runtimes.coreml.states import SINCE as SINCE_STATES
from edgebuild.runtimes.coreml.states import with_states
from edgebuild.runtimes.providers import ConflictError

PACKAGE = "mlpackage"

SINCE: dict[str, int] = {
    "int8": 16, "palette1": 16, "palette2": 16, "palette4": 16, "palette6": 16, "palette8": 16, "sparse": 16,
    "int8 activations": 17, "int4": 18, "palette3": 18, "joint": 18,
}  # fmt: skip
"""First iOS that unpacks weights stored so: coremltools.optimize.coreml, "Opset and deployment target" of its guide."""

SINGLE = "float32 weights and arithmetic"
"""What is said of a package that computes in float32."""

MinimumOs = Literal["iOS15", "iOS16", "iOS17", "iOS18", "iOS26", "macOS12", "macOS13", "macOS14", "macOS15", "macOS26"]


class CoremlTarget(Target):
    """Core ML on a device of Apple's."""

    runtime: Literal["coreml"]
    """Name of the runtime."""
    minimum_os: MinimumOs = "iOS17"
    """Oldest system that loads the package; a newer one allows more ways to store weights."""
    compute_units: Literal["all", "cpu_only", "cpu_and_gpu", "cpu_and_ne"] = "all"
    """Where Core ML may run the model: `MLModelConfiguration.computeUnits`."""
    io: Literal["float32", "float16"] = "float32"
    """Type of floating-point inputs and outputs; float16 saves a copy on the Neural Engine, from iOS 16 on."""
    states: Literal["native", "explicit"] | None = None
    """Of a model that sees one step at a time: `native` are kept by Core ML itself (`MLState`) in float16, from iOS 18
    on, and begin with zeros; `explicit` are inputs and outputs. If left out, native where that changes no answer: of
    candidates that compute in float16."""
    bake: tuple[Part, ...] = ()
    """`preprocess`: image inputs are images, scaled and shifted inside the package; `labels`: it is a classifier that
    answers with a class label and the probability of each."""

    title: ClassVar[str] = "Core ML"
    ends: ClassVar[str] = "our lowering to MIL → coremltools"
    format: ClassVar[str] = "onnx"
    extra: ClassVar[str] = "coreml"
    distributions: ClassVar[tuple[str, ...]] = ("numpy", "onnx", "onnxruntime", "onnxsim", "coremltools")
    runs_on: ClassVar[tuple[str, ...]] = ("coremltools", "numpy", "onnxruntime")
    arithmetic: ClassVar[str] = "float16"
    raw_golden: ClassVar[bool] = True

    @model_validator(mode="after")
    def _stateful(self) -> Self:
        if self.states == "native" and self.release < SINCE_STATES:
            why = f"`states: native` needs iOS {SINCE_STATES}, and the package is to run on {self.minimum_os}"
            raise ConflictError(why, f"Write `minimum_os: iOS{SINCE_STATES}`, or leave `states` out.")
        return self

    def simulated(self) -> str:
        """Apple's runtime is on Apple's systems alone."""
        if sys.platform == "darwin":
            return ""
        return (
            "The saved package was read back and evaluated operation by operation on this machine; Apple's runtime "
            "is on Apple's systems alone."
        )

    def default_recipes(self) -> dict[str, Recipe]:
        """Float16; where the minimum system has them, 8-bit weights, a palette of 6 bits, and INT8 throughout."""
        asked = {
            "float16": Quantize(weights="float16", activations="float16"),
            "int8-weights": Quantize(weights="int8"),
            "palette6": Quantize(weights="palette6"),
            "int8": Quantize(weights="int8", activations="int8"),
        }
        return {name: Recipe(stages=(how,)) for name, how in asked.items() if self.release >= self.since(how)}

    @property
    def release(self) -> int:
        """The minimum system as a release of iOS: macOS 12 came with iOS 15, since 26 they count alike."""
        number = int(self.minimum_os.lstrip("iOSmac"))
        return number + 3 if self.minimum_os.startswith("macOS") and number < 26 else number

    def since(self, how: Quantize) -> int:
        """First iOS that has a scheme."""
        return max(SINCE.get(how.weights, 0), SINCE["int8 activations"] if how.activations == "int8" else 0)

    def needs(self, release: int, what: str) -> None:
        """Raises: Refused: kind "not applicable": the minimum system is older."""
        if self.release < release:
            raise Refused(
                by="coreml",
                why=f"{what} need iOS {release}, and the package is to run on {self.minimum_os}.",
                fix=f"Write `minimum_os: iOS{release}`.",
                kind="not applicable",
            )

    def quantize(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Float16 arithmetic, weights stored in fewer bits, INT8 with calibrated activations.

        Raises:
            Refused: Core ML has no such scheme, or not on the minimum system.
        """
        match (how.weights, how.activations):
            case ("mixed", _):
                self.needs(SINCE["int8"], "weights in fewer bits")
                return self.mixed(to, self.packaged(to, draft, "float16"), how)
            case ("float16", "float16"):
                return self.packaged(to, draft, "float16")
            case ("int8", "int8"):
                self.needs(SINCE["int8 activations"], "int8 activations")
                return self.stored(to, self.activations(to, self.packaged(to, draft, "float16")), how)
            case (weights, "float16" | "float32" as arithmetic) if weights in SINCE:
                self.needs(SINCE[weights], f"{weights} weights")
                return self.stored(to, self.packaged(to, draft, arithmetic), how)
        raise Refused(
            by="coreml",
            why=f"it has no {how.weights} weights with {how.activations} activations.",
            fix="It has int8 or float16 for both, or int8, int4 or palette weights with float activations.",
            kind="not applicable",
        )

    def packaged(self, to: Lowering, draft: Draft, arithmetic: str) -> Draft:
        """The draft as a package; one that is a package already stays as it is.

        Float16 loses some models; where there are samples to look at, what it would lose stays in float32.
        """
        from edgebuild.models.convert.onnx_to_coreml import OnnxToCoreml
        from edgebuild.runtimes.coreml.half import FindFloat32, OnnxToHalf

        if draft.format == PACKAGE:
            return draft
        common: dict[str, Any] = {"model": draft.model, "format": "onnx", "minimum_os": self.minimum_os}
        common["ranges"] = ranges(to.surroundings["shapes"])
        common |= {"float16_io": self.io == "float16", **baked(self.bake, to.surroundings)}
        whole = to.add(OnnxToCoreml(**common), "convert to Core ML")
        if arithmetic == "float32":
            return draft.then(whole, SINGLE, PACKAGE)
        try:
            samples = to.calibration()
        except Refused:
            model = to.add(OnnxToCoreml(**common, precision="float16"), "convert to Core ML in float16")
            return draft.then(model, "float16 weights and arithmetic", PACKAGE)
        bare = {name: common[name] for name in ("model", "format", "minimum_os", "ranges")}
        plain = to.add(OnnxToCoreml(**bare), "convert to Core ML")
        keep = to.add(FindFloat32(model=plain, calibration=samples), "find what must stay in float32")
        model = to.add(OnnxToHalf(**common, keep=keep), "convert to Core ML in float16")
        words = "float16 weights and arithmetic, but for what loses the answers in it"
        return draft.then(model, words, PACKAGE)

    def activations(self, to: Lowering, draft: Draft) -> Draft:
        """Quantize and dequantize operations around the heavy ones, with ranges of the calibration samples."""
        from edgebuild.runtimes.coreml.activations import CalibrateCoreml, QuantizeActivations

        ranges = to.add(CalibrateCoreml(model=draft.model, calibration=to.calibration()), "calibrate")
        model = to.add(QuantizeActivations(model=draft.model, ranges=ranges), "quantize activations")
        return draft.then(model, "S8 activations, min-max ranges of the calibration samples")

    def stored(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """Weights in fewer bits."""
        from edgebuild.compress.quantize.coreml import CompressCoremlWeights

        step = CompressCoremlWeights(model=draft.model, scheme=how.weights, per_channel=how.per_channel)
        return draft.then(to.add(step, f"store weights as {how.weights}"), stored_words(how))

    def mixed(self, to: Lowering, draft: Draft, how: Quantize) -> Draft:
        """A slot of the front of bits and nearness over how each weight is stored."""
        from edgebuild.compress.search.precision.coreml import PAIRS, STORED, SearchCoreml
        from edgebuild.compress.search.precision.slots import take_slot

        search = SearchCoreml(
            model=draft.model,
            samples=to.runs("select"),
            call=self.call(),
            floats=how.keep_float,
            schemes=tuple(name for name in PAIRS if self.release >= SINCE[STORED[name]]),
        )
        return take_slot(to, draft, search, "model.mlpackage", "weights in 4, 8 or 16 bits")

    def prune(self, to: Lowering, draft: Draft, how: Prune) -> Draft:
        """Store only the weights of greatest magnitude.

        Raises:
            Refused: not on the minimum system, or in a pattern that gains nothing here.
        """
        from edgebuild.compress.quantize.coreml import CompressCoremlWeights

        if how.pattern == "2:4":
            why = "it stores what is left of any pattern alike, and has no kernels for two of each four."
            raise Refused(by="coreml", why=why, fix="Write `pattern: unstructured`.", kind="not applicable")
        self.needs(SINCE["sparse"], "sparse weights")
        draft = self.packaged(to, draft, self.arithmetic)
        model = to.add(CompressCoremlWeights(model=draft.model, scheme="sparse", keep=how.keep), "prune the weights")
        return draft.then(model, f"{1 - how.keep:.0%} of the weights left out".replace("%", " %"))

    def finish(self, to: Lowering, draft: Draft) -> Draft:
        """Whatever is no package yet becomes one, in float32; states go inside where Core ML keeps them."""
        package = self.packaged(to, draft, "float32")
        return with_states(to, package, self.states, self.release, half=SINGLE not in package.words)

    def call(self) -> Call:
        """The session and its options."""
        options = {"compute_units": self.compute_units}
        return Call(session="edgebuild.runtimes.coreml.session", options=options, runtime="coreml")

    def config(self) -> dict[str, Any]:
        """`configuration.json` of a package: names and values as `MLModelConfiguration` has them."""
        words = {"all": "all", "cpu_only": "cpuOnly", "cpu_and_gpu": "cpuAndGPU", "cpu_and_ne": "cpuAndNeuralEngine"}
        return {"computeUnits": words[self.compute_units], "minimumDeploymentTarget": self.minimum_os}

    def account(self, model: Artifact, sample: Artifact) -> Step:
        """See `AccountCoreml`."""
        from edgebuild.runtimes.coreml.account import AccountCoreml

        return AccountCoreml(model=model, samples=sample, call=self.call(), versions=installed(self.runs_on))


def stored_words(how: Quantize) -> str:
    """How weights are stored, in words."""
    if how.weights.startswith("palette"):
        return f"weights of a palette of {2 ** int(how.weights.removeprefix('palette'))} values, found by k-means"
    if how.weights == "int4":
        return "4-bit weights with a scale for each block"
    return f"8-bit weights {'per channel' if how.per_channel else 'per tensor'}"
