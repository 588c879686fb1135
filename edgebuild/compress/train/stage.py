"""`train:` of a candidate: fine-tune the draft, or train its architecture from fresh weights."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from edgebuild.compress.base import Compressor, Draft, Stage
from edgebuild.compress.quantize.stage import Quantize
from edgebuild.compress.train.constraints import AnyConstraint
from edgebuild.compress.train.fakequant import FakeQuant
from edgebuild.compress.train.folding import FoldNorms
from edgebuild.compress.train.ground import Ground
from edgebuild.compress.train.points import CalibrateKeras
from edgebuild.compress.train.segment import MODEL
from edgebuild.compress.train.settings import Overrides, Training
from edgebuild.compress.train.step import RECORD, TrainModel
from edgebuild.compress.train.students import FreshWeights
from edgebuild.compress.train.teaching import Teaching
from edgebuild.compress.train.zeros import KeepZeros
from edgebuild.core.graph import Lowering
from edgebuild.core.wires import Artifact

FRESH, TRAINED = 1e-3, 3e-4
"""Learning rate of Adam where nothing is said: Keras' own for fresh weights, less for weights that are good already."""


class TrainingStage(Overrides, Stage):
    """What stages that train have in common."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    start: Literal["draft", "scratch"] = Field(default="draft", alias="from")
    """`draft` goes on from the weights that are there; `scratch` keeps the architecture and draws weights anew."""
    quantize: Literal["int8"] | None = None
    """Train as the integers of a later `quantize: int8` will compute: its scales are those that the training ends with.
    Normalization is folded into the weights before."""

    @model_validator(mode="after")
    def _quantize_what_is_trained(self) -> TrainingStage:
        if self.quantize and self.fresh:
            raise ValueError("must start from trained weights under `quantize`; train first, and put this stage behind")
        return self

    def asks_next(self, following: Stage | None) -> str:
        """A training under integers ends with ranges and scales per channel, which `quantize: int8` alone takes."""
        exact = (
            isinstance(following, Quantize) and following.static and following.per_channel and not following.repaired
        )
        if not self.quantize or exact:
            return ""
        what = "must have `quantize: int8` as the next stage, per channel and without `repair`"
        return f"{what}: its ranges and scales are those of the training"

    @property
    def fresh(self) -> bool:
        """Whether it starts from weights that no training has seen."""
        return self.start == "scratch"

    @property
    def works_on(self) -> str:
        """Keras models alone are trained."""
        return "keras"

    @property
    def splits(self) -> tuple[str, ...]:
        """See `Stage`."""
        return ("train", "calibrate") if self.quantize else ("train",)

    @property
    def functions(self) -> dict[str, str]:
        """See `Stage`."""
        return {"fit": self.fit} if self.fit else {}

    def settled(self, training: Any) -> Stage:
        """With the spec's `train:` where nothing is said here."""
        return self.model_copy(update=dict(self.over(training)))

    def settings(self) -> Training:
        """What is said, and our own words where nothing is."""
        return self.over(Training())

    def words(self) -> str:
        """`20 epochs, 3 seeds`; which of them goes on, and why, the training itself tells."""
        how = self.settings()
        count = len(how.seeds)
        seeds = f", {count} seeds" if count > 1 else ""
        own = f" by your own {how.fit}" if how.fit else ""
        limit = f", at most {how.time / 60:g} min" if how.time else ""
        integers = ", as integers will compute" if self.quantize else ""
        return f"{how.epochs} epochs{integers}{own}{seeds}{limit}"

    def trained(self, to: Lowering, starts: tuple[Artifact, ...], teaching: Teaching | None = None) -> Artifact:
        """Add the training; returns the wire to its folder.

        Raises:
            Refused: the spec has no `train` split.
        """
        ground: Ground = to.training
        how = self.settings()
        fit = to.code(how.fit) if how.fit else None
        samples, state = ground.samples(), None
        if self.quantize:
            starts = tuple(to.add(FoldNorms(model=start), "fold normalization") for start in starts)
            state = to.add(CalibrateKeras(model=starts[0], calibration=to.calibration()), "calibrate the training")
        step = TrainModel(
            starts=starts,
            seeds=how.seeds,
            samples=samples,
            validation=ground.validation() if fit else None,
            fit=fit,
            teaching=teaching,
            epochs=how.epochs,
            segment=how.segment,
            schedule=how.schedule,
            learning_rate=how.learning_rate or (FRESH if self.fresh else TRAINED),
            batch=how.batch,
            loss=how.loss,
            labelled=how.labelled,
            constraints=self.constraints(),
            state=state,
            time_s=how.time,
            keep=how.keep,
            judge=ground.judge() if len(how.seeds) > 1 else None,
        )
        return to.add(step, "train")

    def constraints(self) -> tuple[AnyConstraint, ...]:
        """What the training keeps true."""
        # Weights are exact again before the zeros among them are looked for.
        integers: tuple[AnyConstraint, ...] = (FakeQuant(),) if self.quantize else ()
        # A pruned weight that came back would undo what the stage before was for.
        return integers if self.fresh else (*integers, KeepZeros())

    def after(self, draft: Draft, trained: Artifact) -> Draft:
        """The draft as the model that goes on, with what the training will say of itself."""
        after = draft.then(trained / MODEL, self.describe(), "keras")
        ranges = trained if self.quantize else None
        return after.model_copy(update={"told": (*draft.told, trained / RECORD), "ranges": ranges})

    def starts(self, to: Lowering, draft: Draft) -> tuple[Artifact, ...]:
        """The draft for each seed, or its architecture with weights of that seed's."""
        seeds = self.settings().seeds
        if self.start == "draft":
            return (draft.model,) * len(seeds)
        return tuple(to.add(FreshWeights(model=draft.model, seed=seed), f"draw weights {seed}") for seed in seeds)


class Train(TrainingStage):
    """Train the model on the `train` split."""

    def describe(self) -> str:
        """`train 20 epochs`."""
        return f"train {'from scratch, ' if self.start == 'scratch' else ''}{self.words()}"

    def lower(self, to: Lowering, draft: Draft, target: Compressor) -> Draft:  # noqa: ARG002 - every runtime's alike
        """Add the training.

        Raises:
            Refused: the spec has no `train` split.
        """
        return self.after(draft, self.trained(to, self.starts(to, draft)))
