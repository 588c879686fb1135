"""The samples of one spec, as every target finds them: loaded, split, checked, in whatever form models take them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from edgebuild.core.dossier import SELECT, Call
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.data.check import CheckData
from edgebuild.data.loader import LoadArchive, LoadFunction, LoadImages
from edgebuild.data.splits import SplitSamples, TakeSamples
from edgebuild.measure.constants import AddConstants
from edgebuild.measure.inputs import PickInputs
from edgebuild.measure.unroll import UnrollSteps
from edgebuild.plan.interface import class_names
from edgebuild.plan.model import SharedModel
from edgebuild.runtimes import REFERENCE_SESSIONS, RUNS_ON

CALIBRATION_STEPS = 1000
"""Steps of sequences that are calibrated with: as many as the samples that quantizers are usually given, and more,
because neighbours are alike."""


class SharedSamples(SharedModel):
    """Adds the steps that load, check and hand out the samples of a spec."""

    def code(self, reference: str) -> UserCode:
        """A function of the user's, with everything it consists of."""
        from edgebuild.data.usercode import resolve

        return resolve(Path(self.spec.folder), reference, tuple(self.spec.data.inputs))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Class names, where the interface names a file of them."""
        return class_names(self.spec.interface)

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
        step = PickInputs(samples=self.checked / SELECT, seed=data.seed, grouped=bool(data.group))
        picked = self.add(step, "pick the inputs of runs")
        return self.unrolled(picked, "the inputs of runs", step.count) if self.loop else picked

    @cached_property
    def reference_call(self) -> Call:
        """How the untouched source is run."""
        return self.looped(REFERENCE_SESSIONS[self.format])

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

    def split(self, name: str, at_most: int | None = None) -> Artifact:
        """A checked split, or so many of its samples."""
        data, whole = self.spec.data, self.checked / name
        if at_most is None:
            return whole
        step = TakeSamples(samples=whole, count=at_most, seed=data.seed, grouped=bool(data.group))
        return self.add(step, f"take {at_most} samples of {name}")

    def whole_inputs(self, samples: Artifact, label: str) -> Artifact:
        """Samples with the inputs that are constant: the untouched source takes these too."""
        if not self.constants:
            return samples
        step = AddConstants(samples=samples, model=self.whole, constants=self.constants)
        return self.add(step, f"add the constant inputs to {label}")
