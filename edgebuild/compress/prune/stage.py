"""`prune:` of a candidate."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from edgebuild.compress.base import Compressor, Draft, Stage
from edgebuild.compress.prune.scores import Criterion
from edgebuild.core.graph import Lowering
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

OPENED_BY_KERAS = ("keras", "h5")
MEASURE = "measure what each layer's channels are worth"
CHOOSE = "choose the channels to leave out"
CUT = "leave out channels"
ALONE = {"multiple": "structured", "criterion": "structured", "widths": "structured"}
"""Keys that mean something for one pattern alone."""


class MisfitError(ValueError):
    """Keys that do not go together."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


class Prune(Stage):
    """Leave out what weighs least: channels, so that a model is faster, or single weights, so that it is smaller."""

    keep: float = Field(default=0.5, gt=0, lt=1)
    """Part that stays: of the channels of each layer, or of each layer's weights. Half the channels are about a quarter
    of the multiplications."""
    pattern: Literal["structured", "unstructured", "2:4"] = "structured"
    """`structured`: channels, of layers that hang together as many. `unstructured`: single weights, wherever they lie.
    `2:4`: two of each four weights along the input channels. The last two make a model smaller where a runtime stores
    only what is left; no faster."""
    multiple: int = Field(default=8, ge=1, le=256)
    """Widths of layers are rounded to it, and never fall below it: kernels compute 8 or 16 channels at once, and 12
    take as long as 16."""
    criterion: Criterion = "l2"
    """Norm of the weights that would go with a channel (arXiv:1608.08710, arXiv:2301.12900); the least go."""
    widths: Literal["uniform", "sensitivity"] = "uniform"
    """`sensitivity`: as many multiplications stay as with `uniform`, but layers that hurt more when they become
    narrower, on the calibration samples, keep more."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.pattern == "2:4" and self.keep != 0.5:
            raise MisfitError("`2:4` keeps two of four weights", "Remove `keep`.")
        for key, pattern in ALONE.items():
            if key in self.model_fields_set and self.pattern != pattern:
                raise MisfitError(f"`{key}` means nothing for `{self.pattern}`", f"Remove `{key}`.")
        return self

    def takes(self, form: str) -> str:
        """Channels are left out of the Keras model, which can be trained then; of ONNX where there is none."""
        if self.pattern != "structured":
            return ""
        return "keras" if form in OPENED_BY_KERAS else "onnx"

    def describe(self) -> str:
        """`leave out 50 % of the channels, in multiples of 8`."""
        part = f"{1 - self.keep:.0%}".replace("%", " %")
        if self.pattern == "structured":
            spread = ", by sensitivity" if self.widths == "sensitivity" else ""
            return f"leave out {part} of the channels{spread}, in multiples of {self.multiple}"
        if self.pattern == "2:4":
            return "leave out two of each four weights"
        return f"prune {part} of the weights"

    def lower(self, to: Lowering, draft: Draft, target: Compressor) -> Draft:
        """Channels are left out alike for all runtimes; few store single weights that are left out as such."""
        if self.pattern != "structured":
            return target.prune(to, draft, self)
        return self.on_onnx(to, draft) if draft.format == "onnx" else self.on_keras(to, draft)

    def on_keras(self, to: Lowering, draft: Draft) -> Draft:
        """Leave channels out, and fit the weights that are left where there are samples; training is another stage."""
        from edgebuild.compress.prune.keras_sensitivity import MeasurePruningSensitivity
        from edgebuild.compress.prune.keras_steps import CutChannels, PlanPruning, RepairKeras

        common: dict[str, Any] = {"model": draft.model, "multiple": self.multiple, "criterion": self.criterion}
        if self.widths == "sensitivity":
            step = MeasurePruningSensitivity(**common, calibration=to.calibration())
            common["sensitivity"] = to.add(step, MEASURE)
        plan = to.add(PlanPruning(**common, keep=self.keep), CHOOSE)
        cut = to.add(CutChannels(model=draft.model, pruning=plan), CUT)
        return self.fitted(to, draft, cut, plan, RepairKeras)

    def on_onnx(self, to: Lowering, draft: Draft) -> Draft:
        """The same of an ONNX model, which nobody trains after."""
        from edgebuild.compress.prune.onnx_steps import CutOnnxChannels, MeasureOnnxPruning, PlanOnnxPruning, RepairOnnx

        common: dict[str, Any] = {"model": draft.model, "multiple": self.multiple, "criterion": self.criterion}
        if self.widths == "sensitivity":
            common["sensitivity"] = to.add(MeasureOnnxPruning(**common, calibration=to.calibration()), MEASURE)
        plan = to.add(PlanOnnxPruning(**common, keep=self.keep), CHOOSE)
        cut = to.add(CutOnnxChannels(model=draft.model, pruning=plan), CUT)
        return self.fitted(to, draft, cut, plan, RepairOnnx)

    def fitted(self, to: Lowering, draft: Draft, cut: Artifact, plan: Artifact, repair: type[Step]) -> Draft:
        """The narrower model with weights that make up for what is gone, where there are samples to fit them to."""
        try:
            samples = to.calibration()
        except Refused:
            return self.told(draft, cut, plan)
        fields = {"model": draft.model, "pruned": cut, "pruning": plan, "calibration": samples}
        fitted = to.add(repair(**fields), "fit the weights that are left")
        return self.told(
            draft, fitted, plan, ", the others' weights fitted to the calibration samples where that helps"
        )

    def told(self, draft: Draft, model: Artifact, plan: Artifact, more: str = "") -> Draft:
        """The draft after it, with the account of what was left out."""
        made = draft.then(model, self.describe() + more)
        return made.model_copy(update={"told": (*draft.told, plan)})
