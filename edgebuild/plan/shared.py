"""The part of the graph that all targets of one spec share: the model, the samples, the reference, the checks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from edgebuild.core.dossier import REPORT, SELECT, Call
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact, UserCode
from edgebuild.data.sources import digest_path
from edgebuild.errors import Refused
from edgebuild.measure.predict import Predict
from edgebuild.measure.source_check import CheckSource
from edgebuild.models.admit import AdmitSource
from edgebuild.models.inspect.step import inspection
from edgebuild.models.routes import model_format
from edgebuild.plan.model import built_as
from edgebuild.plan.samples import SharedSamples
from edgebuild.runtimes import RUNS_ON
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

SPLITS = (SELECT, REPORT)
"""The splits that are predicted."""


class Shared(SharedSamples):
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

    @cached_property
    def decode(self) -> UserCode | None:
        """The user's function that reduces a raw prediction, if any metric names one."""
        for reference in self.spec.decoders.values():
            return self.code(reference)
        return None

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
            reference=self.reference(SELECT),
            samples=self.checked / SELECT,
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
