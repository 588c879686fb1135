"""What stages that train need of a spec, as wires: samples, a judge, teachers, students."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebuild.compress.search.architecture.holdout import HELD, HoldOut
from edgebuild.compress.train.distill import SOURCE
from edgebuild.compress.train.ground import Teacher
from edgebuild.compress.train.scores import Judge
from edgebuild.core.dossier import SELECT, Call
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.measure.predict import Predict
from edgebuild.models.admit import AdmitSource
from edgebuild.models.inspect.step import inspection
from edgebuild.models.routes import FORMATS, Lane, model_format, shortest
from edgebuild.plan.model import built_as
from edgebuild.plan.shared import Shared
from edgebuild.runtimes import REFERENCE_SESSIONS, RUNS_ON

KERAS = ("keras", "h5")
"""Formats whose layers can be looked into."""


@dataclass
class SpecTraining:
    """See `compress/train/ground.py`."""

    shared: Shared

    def samples(self) -> Artifact:
        """The checked `train` split, constant inputs included: Keras models take these too.

        Raises:
            Refused: the spec has none; samples are sequences.
        """
        if "train" not in self.shared.spec.data.splits:
            why = "training needs samples of its own, and the spec has no `train` split."
            raise Refused(by="plan", why=why, fix="Add `train` under `data.splits`.", kind="not applicable")
        if self.shared.loop:
            why = "samples are sequences that the model takes step by step, and no training here unrolls them."
            fix = "Train it in a script of your own and name its model: `{source: trained.keras}`."
            raise Refused(by="training", why=why, fix=fix, kind="not applicable")
        return self.shared.whole_inputs(self.shared.split("train"), "train")

    def validation(self) -> Artifact:
        """The same of `select`."""
        return self.shared.whole_inputs(self.shared.split(SELECT), SELECT)

    def judge(self) -> Judge | None:
        """By the spec's first metric."""
        name = next(iter(self.shared.spec.metrics), None)
        return None if name is None else self.judging(name, self.validation(), self.shared.reference(SELECT))

    def halves(self, seed: int) -> Artifact:
        """See `Ground`."""
        step = HoldOut(samples=self.samples(), seed=seed, grouped=bool(self.shared.spec.data.group))
        return self.shared.add(step, "hold samples of train out")

    def examiner(self, halves: Artifact) -> Judge:
        """See `Ground`."""
        metrics = self.shared.spec.metrics
        name = next((name for name, metric in metrics.items() if metric.needs_labels), next(iter(metrics), None))
        if name is None:
            why = "it chooses by a metric, and the spec has none."
            raise Refused(by="search", why=why, fix="Add one under `metrics`.", kind="not applicable")
        held, shared = halves / HELD, self.shared
        return self.judging(name, held, shared.said(held, "reference: predict what is held out"))

    def facts(self) -> Artifact:
        """See `Ground`."""
        return self.shared.facts

    def lane(self, target: str) -> Lane:
        """See `Ground`."""
        shared = self.shared
        hops = shortest("keras", target)
        return Lane(hops=hops, shapes=shared.shapes, dims=shared.dims, constants=dict(shared.constants))

    def judging(self, name: str, samples: Artifact, reference: Artifact) -> Judge:
        """How Keras models are scored by one of the spec's metrics."""
        spec = self.shared.spec
        call = REFERENCE_SESSIONS["keras"]
        return Judge(
            metric=spec.metrics[name],
            name=name,
            better=spec.metrics[name].better,
            function=self.shared.functions[list(spec.metrics).index(name)],
            samples=samples,
            reference=reference,
            call=call,
            decode=self.shared.decode,
            runs_on=installed(RUNS_ON[call.runtime]),
            versions=self.shared.metric_versions,
        )

    def teacher(self, name: str) -> Teacher:
        """The untouched source, or a model file; what it says of the samples is predicted once for all candidates.

        Raises:
            Refused: nothing here runs such a model.
        """
        if name == SOURCE:
            model, form, words = self.shared.source, self.shared.format, "the source"
        else:
            path = Path(self.shared.spec.named[name])
            form, words = model_format(path), path.name
            model = self.shared.opened(self.shared.read_model(path, "teacher", f"read {path.name}"), form)
            form = built_as(form)
        call = REFERENCE_SESSIONS.get(form)
        if call is None:
            raise Refused(by="distillation", why=f"nothing here runs {FORMATS[form]}.", kind="not applicable")
        predictions = self.shared.add(self.raw(model, call), f"predict train by {words}")
        return Teacher(predictions, model if form in KERAS else None, words)

    def raw(self, model: Artifact, call: Call) -> Predict:
        """Raw outputs: what a user's `decode` keeps of them teaches nobody."""
        return Predict(model=model, call=call, samples=self.samples(), versions=installed(RUNS_ON[call.runtime]))

    def student(self, model: Artifact) -> Artifact:
        """Held to the interface of the spec's model, once the checks of samples and source hold."""
        shared = self.shared
        inspected = shared.add(inspection(model, "keras", shared.shapes, shared.dims), "inspect the student")
        facts = shared.interface(inspected, "hold the constant inputs against the student", complete=False)
        step = AdmitSource(model=model, proofs=shared.proof, same=(shared.facts, facts))
        return shared.add(step, "admit the student")
