"""`distill:` of a candidate: a student learns from what a teacher says of the samples, besides their labels."""

from __future__ import annotations

from pydantic import Field, FiniteFloat, model_validator

from edgebuild.compress.base import Compressor, Draft
from edgebuild.compress.train.ground import Ground, Teacher
from edgebuild.compress.train.settings import Reference
from edgebuild.compress.train.stage import TrainingStage
from edgebuild.compress.train.students import BuildStudent, NarrowModel
from edgebuild.compress.train.teaching import BY, FeaturePair, TeachFeatures, Teaching
from edgebuild.core.graph import Lowering
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused

SOURCE, NOBODY = "source", "none"
"""Words of `teacher` that name no file."""


class Distill(TrainingStage):
    """Train a student under a frozen teacher, whose outputs on the `train` split are predicted once.

    Without `student` and `width` the draft itself is the student, as after pruning.
    """

    teacher: str = SOURCE
    """`source`, a model file of any runtime, or `none`: the same training without a teacher, to compare with."""
    student: Reference | None = None
    """`student.py:build`, a function that returns a Keras model with the interface of the source."""
    width: FiniteFloat | None = Field(default=None, gt=0, le=1)
    """An automatic student: the architecture with so many times the channels, in multiples of 8, and fresh weights."""
    temperature: FiniteFloat = Field(default=4.0, gt=0, le=1000)
    """Both sides' logits are divided by it: how much the teacher's small probabilities count."""
    alpha: FiniteFloat = Field(default=0.7, ge=0, le=1)
    """Weight of the teacher; the labels have the rest."""
    features: dict[str, str] = {}
    """Layers whose values are to be alike too: `{layer of the teacher: layer of the student}`, of a Keras teacher."""
    feature_weight: FiniteFloat = Field(default=1.0, gt=0)
    """Of each pair, beside the outputs' part."""

    @model_validator(mode="after")
    def _one_student(self) -> Distill:
        if self.student and self.width:
            raise ValueError("must have `student` or `width`, not both; keep one of them")
        if self.features and self.quantize:
            raise ValueError("must have `features` or `quantize`, not both; keep one of them")
        if self.features and self.teacher == NOBODY:
            raise ValueError("must have a teacher for `features`; remove them, or name it")
        return self

    @property
    def works_on(self) -> str:
        """Keras models; of a student of the user's own the source may be anything."""
        return "" if self.student else "keras"

    @property
    def functions(self) -> dict[str, str]:
        """See `Stage`."""
        return super().functions | ({"student": self.student} if self.student else {})

    @property
    def models(self) -> dict[str, str]:
        """See `Stage`."""
        return {} if self.teacher in (SOURCE, NOBODY) else {"teacher": self.teacher}

    @property
    def fresh(self) -> bool:
        """Whether the student starts from weights that no training has seen."""
        return bool(self.student or self.width or self.start == "scratch")

    def describe(self) -> str:
        """`distil the source into a student of 0.5 × the width, 20 epochs`."""
        student = f"your own {self.student}" if self.student else f"{self.width:g} × the width" if self.width else ""
        if self.teacher == NOBODY:
            return f"train {student or 'the model'} without a teacher, {self.words()}"
        teacher = "the source" if self.teacher == SOURCE else self.teacher
        return f"distil {teacher} into {student or 'the model'}, {self.words()}"

    def lower(self, to: Lowering, draft: Draft, target: Compressor) -> Draft:  # noqa: ARG002 - every runtime's alike
        """Add the teacher's predictions, the student and the training.

        Raises:
            Refused: the spec has no `train` split; the teacher has no layers to look into.
        """
        ground: Ground = to.training
        teaching = None if self.teacher == NOBODY else self.taught(to, ground.teacher(self.teacher))
        return self.after(draft, self.trained(to, self.starts(to, draft), teaching))

    def taught(self, to: Lowering, teacher: Teacher) -> Teaching:
        """What the teacher says, as the training reads it.

        Raises:
            Refused: `features` of a teacher that is no Keras model.
        """
        if self.features and teacher.model is None:
            why = f"`features` looks into layers of a Keras model, and {teacher.words} is none."
            raise Refused(by=BY, why=why, fix="Leave `features` out: its outputs teach alone.", kind="not applicable")
        values = None
        if teacher.model is not None and self.features:
            ground: Ground = to.training
            step = TeachFeatures(model=teacher.model, samples=ground.samples(), layers=tuple(sorted(self.features)))
            values = to.add(step, "look into the teacher")
        pairs = (FeaturePair(teacher=a, student=b, weight=self.feature_weight) for a, b in self.features.items())
        return Teaching(
            predictions=teacher.predictions,
            temperature=self.temperature,
            alpha=self.alpha,
            features=tuple(pairs),
            values=values,
        )

    def starts(self, to: Lowering, draft: Draft) -> tuple[Artifact, ...]:
        """The student with weights of each seed's."""
        seeds = self.settings().seeds
        if self.student:
            ground: Ground = to.training
            code = to.code(self.student)
            made = [to.add(BuildStudent(code=code, seed=seed), f"build the student {seed}") for seed in seeds]
            return tuple(ground.student(model) for model in made)
        if self.width:
            width = self.width
            steps = [NarrowModel(model=draft.model, width=width, seed=seed) for seed in seeds]
            return tuple(to.add(step, f"make the student {step.seed}") for step in steps)
        return super().starts(to, draft)
