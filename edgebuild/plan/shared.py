"""The part of the graph that all targets of one spec share: the model, the samples, the reference, the checks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from edgebuild.core.dossier import Call
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.data.check import CheckData
from edgebuild.data.loader import LoadArchive, LoadFunction, LoadImages
from edgebuild.data.sources import digest_path
from edgebuild.data.splits import SplitSamples, TakeSamples
from edgebuild.errors import Refused
from edgebuild.measure.constants import AddConstants
from edgebuild.measure.inputs import PickInputs
from edgebuild.measure.predict import Predict
from edgebuild.measure.source_check import CheckSource
from edgebuild.measure.unroll import UnrollSteps
from edgebuild.models.admit import AdmitSource
from edgebuild.models.inspect.step import inspection
from edgebuild.models.routes import model_format
from edgebuild.plan.interface import class_names
from edgebuild.plan.model import SharedModel, built_as
from edgebuild.runtimes import REFERENCE_SESSIONS, RUNS_ON
from edgebuild.runtimes.base import Target
from edgebuild.shipped import shipped

REFERENCE_TOOLS = {
    "keras": ("tensorflow", "keras"),
    "h5": ("tensorflow", "keras"),
    "savedmodel": ("tensorflow",),
    "pt2": ("torch",),
    "torchscript": ("torch",),
}
"""Distributions that run the untouched source, by its format."""

PLAIN: dict[str, dict[str, Any]] = {"onnxruntime": {"optimization": "none"}, "litert": {"xnnpack": False}}
"""Options under which a runtime computes a graph as it is written."""

CALIBRATION_STEPS = 1000
"""Steps of sequences that are calibrated with: as many as the samples that quantizers are usually given, and more,
because neighbours are alike."""

SPLITS = ("select", "report")
"""The splits that are predicted: choosing happens on the first, verdicts on the second."""


class Shared(SharedModel):
    """Adds each shared step once, when somebody first asks for it."""

    @cached_property
    def package_files(self) -> dict[str, Artifact]:
        """Files of the user's that ship with every model, by their name in the package."""
        names = {Path(path).name: Path(path) for path in self.spec.package.files}
        return {
            name: self.read(path, f"file-{index}", f"read {name}") for index, (name, path) in enumerate(names.items())
        }

    @cached_property
    def templates(self) -> Artifact | None:
        """The user's own templates, where he has any."""
        folder = self.spec.package.templates
        return self.read(Path(folder), "templates", "read the templates") if folder else None

    @cached_property
    def shipped(self) -> str:
        """Digest of the templates that ship with edgebuild."""
        return digest_path(shipped("templates"))

    def versions(self, target: Target) -> dict[str, str]:
        """Distributions that make and run a target's artifacts; those that are not installed are left out."""
        return installed((*target.distributions, *REFERENCE_TOOLS.get(self.format, ())))

    def code(self, reference: str) -> UserCode:
        """A function of the user's, with everything it consists of."""
        from edgebuild.data.usercode import resolve

        return resolve(Path(self.spec.folder), reference, tuple(self.spec.data.inputs))

    @cached_property
    def samples(self) -> Artifact:
        """All samples, loaded."""
        data = self.spec.data
        if data.kind == "function":
            keys = {entry.data or name: entry.steps for name, entry in self.spec.model.inputs.items()}
            steps = {key: axis for key, axis in keys.items() if axis is not None}
            return self.add(LoadFunction(code=self.code(data.reference), steps=steps), "load the samples")
        source = self.read(Path(data.path), "samples", "read the samples")
        if data.kind == "archive":
            return self.add(LoadArchive(archive=source), "load the samples")
        return self.add(LoadImages(folder=source, labels=self.labels, **self.image()), "load the images")

    def image(self) -> dict[str, object]:
        """What the interface says of the image input, in the loader's words."""
        known = {"color", "size", "resize", "scale", "mean"}
        for name, entry in self.spec.interface.inputs.items():
            if entry.kind == "image":
                given = entry.model_dump(exclude_none=True)
                return {"input": name, **{key: value for key, value in given.items() if key in known}}
        return {}

    @cached_property
    def checked(self) -> Artifact:
        """The splits, held against the model."""
        data = self.spec.data
        splits = self.add(
            SplitSamples(samples=self.samples, splits=data.splits, seed=data.seed, grouped=bool(data.group)),
            "split the samples",
        )
        count = len(self.labels) or None
        bind = {name: entry.data for name, entry in self.spec.model.inputs.items() if entry.data}
        steps = {name: entry.steps for name, entry in self.spec.model.inputs.items() if entry.steps is not None}
        step = CheckData(splits=splits, model=self.facts, labels=count, bind=bind, steps=steps)
        return self.add(step, "check the samples")

    @cached_property
    def feeds(self) -> Artifact:
        """What models are fed while they are timed, weighed and traced."""
        data = self.spec.data
        step = PickInputs(samples=self.checked / "select", seed=data.seed, grouped=bool(data.group))
        picked = self.add(step, "pick the inputs of runs")
        return self.unrolled(picked, "the inputs of runs", step.count) if self.loop else picked

    @cached_property
    def calibration(self) -> Artifact:
        """What quantizers find ranges with: single runs."""
        samples = self.checked / "calibrate"
        return self.unrolled(samples, "calibrate", CALIBRATION_STEPS) if self.loop else samples

    def unrolled(self, samples: Artifact, label: str, most: int) -> Artifact:
        """Steps of sequences as samples of their own, with the states that the source has there."""
        step = UnrollSteps(
            model=self.source,
            call=self.reference_call,
            samples=self.whole_inputs(samples, label),
            leave=tuple(self.constants),
            most=most,
            seed=self.spec.data.seed,
            versions=installed(RUNS_ON[self.reference_call.runtime]),
        )
        return self.add(step, f"take the steps of {label}")

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Class names, where the interface names a file of them."""
        return class_names(self.spec.interface)

    @cached_property
    def reference_call(self) -> Call:
        """How the untouched source is run."""
        return self.looped(REFERENCE_SESSIONS[self.format])

    @cached_property
    def decode(self) -> UserCode | None:
        """The user's function that reduces a raw prediction, if any metric names one."""
        for reference in self.spec.decoders.values():
            return self.code(reference)
        return None

    def split(self, name: str, at_most: int | None = None) -> Artifact:
        """A checked split, or so many of its samples."""
        data, whole = self.spec.data, self.checked / name
        if at_most is None:
            return whole
        step = TakeSamples(samples=whole, count=at_most, seed=data.seed, grouped=bool(data.group))
        return self.add(step, f"take {at_most} samples of {name}")

    def predictions(
        self, model: Artifact, call: Call, samples: Artifact, label: str, runs_on: Sequence[str]
    ) -> Artifact:
        """Outputs of a model on a split.

        Args:
            model: to run.
            call: how.
            samples: of the split.
            label: what the step is called.
            runs_on: distributions that decide what the call's session says.
        """
        step = Predict(model=model, call=call, samples=samples, decode=self.decode, versions=installed(runs_on))
        return self.add(step, label)

    def said(self, samples: Artifact, label: str, call: Call | None = None) -> Artifact:
        """Outputs of the untouched source, called otherwise than usual where a call is given."""
        call = call or self.reference_call
        return self.predictions(self.source, call, samples, label, RUNS_ON[call.runtime])

    def reference(self, split: str, at_most: int | None = None) -> Artifact:
        """Outputs of the untouched source on a split."""
        samples = self.whole_inputs(self.split(split, at_most), split)
        return self.said(samples, f"reference: predict {split}")

    def whole_inputs(self, samples: Artifact, label: str) -> Artifact:
        """Samples with the inputs that are constant: the untouched source takes these too."""
        if not self.constants:
            return samples
        step = AddConstants(samples=samples, model=self.whole, constants=self.constants)
        return self.add(step, f"add the constant inputs to {label}")

    def spread(self, split: str, at_most: int | None = None) -> Artifact | None:
        """Outputs of the source as its own runtime says them without its optimisations; None where it has no such form.

        Two right answers differ by as much: a quantized value at the edge of a step falls on either side.
        """
        plain = PLAIN.get(self.reference_call.runtime)
        if plain is None:
            return None
        call = self.reference_call.model_copy(update={"options": {**self.reference_call.options, **plain}})
        samples = self.whole_inputs(self.split(split, at_most), split)
        return self.said(samples, f"reference, plain: predict {split}", call)

    @cached_property
    def proof(self) -> tuple[Artifact, ...]:
        """What must hold before any candidate is made."""
        check = CheckSource(
            reference=self.reference("select"),
            samples=self.checked / "select",
            metrics=tuple(self.spec.metrics.values()),
            versions=self.metric_versions,
            functions=self.functions,
        )
        return (self.checked / "check.json", self.add(check, "check the source's accuracy"))

    @cached_property
    def metric_versions(self) -> dict[str, str]:
        """Distributions that the metrics compute with, by version."""
        return installed(tool for metric in self.spec.metrics.values() for tool in type(metric).tools)

    @cached_property
    def functions(self) -> tuple[UserCode | None, ...]:
        """The user's functions among the metrics, aligned with them."""
        return tuple(
            self.code(self.spec.functions[name]) if name in self.spec.functions else None for name in self.spec.metrics
        )

    def admitted(self, target: str) -> Artifact:
        """The source in a runtime's format, once the checks hold; a refusal where no route leads there."""
        try:
            model = self.convert(self.source, self.format, target)
        except Refused as refused:
            return self.decline(refused)
        return self.add(AdmitSource(model=model, proofs=self.proof), f"admit the {target} model")

    def own(self, path: str, target: str) -> Artifact:
        """A model of the user's own in a runtime's format, held to the same interface.

        Raises:
            Refused: no route leads there.
        """
        file = Path(path)
        kind = model_format(file)
        source, kind = self.opened(self.read_model(file, "own", f"read {file.name}"), kind), built_as(kind)
        model = self.convert(source, kind, target)
        inspected = self.add(inspection(source, kind, self.shapes, self.dims), f"inspect {file.name}")
        facts = self.interface(inspected, f"hold the constant inputs against {file.name}", complete=False)
        return self.add(AdmitSource(model=model, proofs=self.proof, same=(self.taken, facts)), f"admit {file.name}")
