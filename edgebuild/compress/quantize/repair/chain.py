"""Several repairs as steps in the one order in which each helps the next."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import ClassVar, Literal

from edgebuild.compress.quantize.onnx_interface import save_checked
from edgebuild.compress.quantize.onnx_static import quantize_static
from edgebuild.compress.quantize.ranges import read_ranges
from edgebuild.compress.quantize.repair.bias import CorrectBias
from edgebuild.compress.quantize.repair.equalize import Equalize
from edgebuild.compress.quantize.repair.histograms import BINS, ChooseRanges, TakeHistograms
from edgebuild.compress.quantize.repair.pairs import ends_of, with_names
from edgebuild.compress.quantize.repair.rounding import RoundWeights
from edgebuild.compress.quantize.repair.smooth import SmoothActivations
from edgebuild.core.records import Record
from edgebuild.core.step import Step, Workspace
from edgebuild.core.wires import Artifact

Form = dict[str, bool | str]
"""Options of `quantize_static` that a runtime wants."""


class Repairs(Record):
    """What is done besides quantizing, in the order of the fields."""

    equalize: bool = False
    smooth: float | None = None
    """α; None for not at all."""
    calibration: Literal["minmax", "percentile", "entropy", "mse"] = "minmax"
    percentile: float = 99.99
    """In %, of `percentile` alone."""
    bins: int = BINS
    """Of the histograms that ranges are chosen from."""
    ends: bool = False
    """The first and the last layer stay in floating point."""
    rounding: bool = False
    bias: bool = False

    @classmethod
    def of(cls, names: tuple[str, ...]) -> Repairs:
        """From the words of a spec."""
        ranges = next((name for name in names if name in ("percentile", "entropy", "mse")), "minmax")
        flags = {name: name in names for name in ("equalize", "ends", "rounding", "bias")}
        return cls.model_validate({**flags, "smooth": 0.5 if "smooth" in names else None, "calibration": ranges})

    def words(self) -> str:
        """`equalized, mse ranges of 2048 bins, adaptive rounding, bias correction`."""
        cut = f" {self.percentile:g} %" if self.calibration == "percentile" else ""
        bins = "" if self.calibration == "minmax" else f" of {self.bins} bins"
        found = [
            "equalized" if self.equalize else "",
            f"smoothed with α = {self.smooth:g}" if self.smooth is not None else "",
            f"{self.calibration}{cut} ranges{bins}",
            "first and last layer in float32" if self.ends else "",
            "adaptive rounding" if self.rounding else "",
            "bias correction" if self.bias else "",
        ]
        return ", ".join(filter(None, found))


def chain(repairs: Repairs, model: Artifact, calibration: Artifact, form: Form) -> list[Step]:
    """The steps, each after those that it reads; the last makes the quantized model.

    Args:
        repairs: what is wanted.
        model: in floating point.
        calibration: a sample folder.
        form: what the runtime wants.
    """
    steps: list[Step] = []

    def add(step: Step) -> Artifact:
        steps.append(step)
        return step.out()

    if repairs.equalize:
        model = add(Equalize(model=model))
    if repairs.smooth is not None:
        model = add(SmoothActivations(model=model, calibration=calibration, alpha=repairs.smooth))
    histograms = add(TakeHistograms(model=model, calibration=calibration, bins=repairs.bins))
    ranges = add(ChooseRanges(histograms=histograms, method=repairs.calibration, percentile=repairs.percentile))
    made = add(QuantizeNamed(model=model, ranges=ranges, form=form, ends=repairs.ends))
    if repairs.rounding:
        made = add(RoundWeights(model=model, quantized=made, calibration=calibration))
    if repairs.bias:
        add(CorrectBias(model=model, quantized=made, calibration=calibration))
    return steps


class QuantizeNamed(Step):
    """As `QuantizeStatic`, with a name for every operator, by which repairs find it again.

    Given:   x → Conv(w, b) → Relu → y
    Result:  x → Q → DQ → Conv(DQ(w8), DQ(b32)) → Relu → Q → DQ → y
    """

    version: ClassVar[int] = 1
    tools: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "numpy")
    preload: ClassVar[tuple[str, ...]] = ("numpy", "onnx")
    filename: ClassVar[str] = "model.onnx"
    portable: ClassVar[bool] = False

    model: Artifact
    ranges: Artifact
    form: Form = {}
    """Options of `quantize_static` that the runtime wants."""
    ends: bool = False
    """The first and the last layer with weights stay in floating point."""

    def run(self, work: Workspace) -> None:
        """Raises: Refused: ONNX Runtime's quantizer declines the model, or finds nothing to quantize."""
        quantize_named(work.path(self.model), work.path(self.ranges), work.output, self.form, self.ends)


def quantize_named(model: Path, ranges: Path, output: Path, form: Form, ends: bool) -> None:
    """The work itself, over paths and values."""
    import onnx

    loaded = with_names(onnx.load(model))
    options: dict[str, object] = {**form, "exclude": ends_of(loaded) if ends else ()}
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder, "named.onnx")
        save_checked(onnx.load(model), loaded, named, "repair")
        quantize_static(named, read_ranges(ranges), output, **options)  # type: ignore[arg-type]
