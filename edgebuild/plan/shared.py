"""The part of the graph that all targets of one spec share: the model, the samples, the reference, the checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from edgebuild.core.dossier import Call
from edgebuild.core.graph import Graph
from edgebuild.core.step import Step
from edgebuild.core.versions import installed
from edgebuild.core.wires import Artifact, Refusal, UserCode
from edgebuild.data.check import CheckData
from edgebuild.data.loader import LoadArchive, LoadFunction, LoadImages
from edgebuild.data.sources import ReadSource, digest_path
from edgebuild.data.splits import SplitSamples, TakeSamples
from edgebuild.errors import Problem, Refused, SpecError
from edgebuild.measure.inputs import PickInputs
from edgebuild.measure.predict import Predict
from edgebuild.measure.source_check import CheckSource
from edgebuild.models.admit import AdmitSource
from edgebuild.models.inspect.external import external_files
from edgebuild.models.inspect.step import inspection
from edgebuild.models.routes import Route, model_format, shortest
from edgebuild.plan.decline import Decline
from edgebuild.plan.interface import class_names
from edgebuild.runtimes import REFERENCE_SESSIONS
from edgebuild.runtimes.base import Target
from edgebuild.shipped import shipped
from edgebuild.spec import Spec

REFERENCE_TOOLS = {"keras": ("tensorflow", "keras"), "h5": ("tensorflow", "keras"), "savedmodel": ("tensorflow",)}
"""Distributions that run the untouched source, by its format."""

RUNS_ON = {
    "keras": ("tensorflow", "keras", "numpy"),
    "tensorflow": ("tensorflow", "numpy"),
    "onnxruntime": ("onnxruntime", "numpy"),
    "litert": ("ai-edge-litert", "numpy"),
}
"""Distributions that decide what a session computes, by the runtime of its call."""

SPLITS = ("select", "report")
"""The splits that are predicted: choosing happens on the first, verdicts on the second."""


@dataclass
class Shared:
    """Adds each shared step once, when somebody first asks for it."""

    spec: Spec
    graph: Graph
    digest: Callable[[Path, Sequence[str]], str] = digest_path
    """Digest of a user's file or folder, with what belongs to it."""
    routes: dict[str, tuple[Route, ...]] = field(default_factory=dict)
    """Route taken per `source → target`, for `plan` and the report."""

    def add(self, step: Step, label: str = "") -> Artifact:
        """Add a step under the spec's name, with the variables that the spec lets through."""
        return self.graph.add(step.within(self.spec.environment), f"{self.spec.name}: {label}" if label else "")

    @cached_property
    def source(self) -> Artifact:
        """The model as the user wrote it, in the store.

        Raises:
            SpecError: the pinned digest is not the file's.
        """
        pin, digest = self.spec.model.digest, self.source_digest
        if pin and pin != digest:
            raise SpecError(
                Problem(
                    "model.digest",
                    f"{self.spec.model.source} has the digest {digest}, the spec pins {pin}.",
                    "Find out who changed the model; if you did, pin the new digest.",
                )
            )
        return self.read_model(Path(self.spec.model.path), "model", "read the model")

    @cached_property
    def source_digest(self) -> str:
        """Of the model's bytes."""
        path = Path(self.spec.model.path)
        return self.digest(path, weights_of(path))

    def read_model(self, path: Path, name: str, label: str) -> Artifact:
        """A model of the user's: a file, a folder, or an ONNX file as a folder with the weights it keeps elsewhere."""
        beside = weights_of(path)
        step = ReadSource(
            path=str(path),
            digest=self.digest(path, beside),
            name=name if beside else name + path.suffix,
            beside=beside,
        )
        return self.add(step, label)

    def read(self, path: Path, name: str, label: str) -> Artifact:
        """A file or folder of the user's, by digest."""
        return self.add(ReadSource(path=str(path), digest=self.digest(path, ()), name=name + path.suffix), label)

    def stored(self, path: str, digest: str, name: str) -> Artifact:
        """Bytes that a store has, under a name."""
        return self.add(ReadSource(path=path, digest=digest, name=name), "read the locked bytes")

    def own_digest(self, path: str | None) -> str:
        """Digest of a model of the user's own; "" where there is none."""
        return self.digest(Path(path), weights_of(Path(path))) if path else ""

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
    def format(self) -> str:
        """Format of the source."""
        return self.spec.model.format

    @cached_property
    def dims(self) -> dict[str, tuple[str | int, ...]]:
        """Axis names the spec gives to inputs."""
        return {name: tuple(entry.dims) for name, entry in self.spec.model.inputs.items() if entry.dims}

    @cached_property
    def shapes(self) -> dict[str, int]:
        """Size of each named axis in the first named shape; one sample a batch where nothing else is said."""
        first = next(iter(self.spec.model.shapes.values()), {})
        return {"batch": 1, **{axis: size for axis, size in first.items() if isinstance(size, int)}}

    @cached_property
    def facts(self) -> Artifact:
        """`model.json`."""
        return self.add(inspection(self.source, self.format, self.shapes, self.dims), "inspect the model")

    def code(self, reference: str) -> UserCode:
        """A function of the user's, with everything it consists of."""
        from edgebuild.data.usercode import resolve

        return resolve(Path(self.spec.folder), reference, tuple(self.spec.data.inputs))

    @cached_property
    def samples(self) -> Artifact:
        """All samples, loaded."""
        data = self.spec.data
        if data.kind == "function":
            return self.add(LoadFunction(code=self.code(data.reference)), "load the samples")
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
        step = CheckData(splits=splits, model=self.facts, labels=count, bind=bind)
        return self.add(step, "check the samples")

    @cached_property
    def feeds(self) -> Artifact:
        """What models are fed while they are timed, weighed and traced."""
        data = self.spec.data
        step = PickInputs(samples=self.checked / "select", seed=data.seed, grouped=bool(data.group))
        return self.add(step, "pick the inputs of runs")

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Class names, where the interface names a file of them."""
        return class_names(self.spec.interface)

    @cached_property
    def reference_call(self) -> Call:
        """How the untouched source is run."""
        return REFERENCE_SESSIONS[self.format]

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

    def predictions(self, model: Artifact, call: Call, samples: Artifact, label: str) -> Artifact:
        """Outputs of a model on a split."""
        step = Predict(
            model=model,
            call=call,
            samples=samples,
            decode=self.decode,
            versions=installed(RUNS_ON.get(call.runtime, ())),
        )
        return self.add(step, label)

    def reference(self, split: str, at_most: int | None = None) -> Artifact:
        """Outputs of the untouched source on a split."""
        samples = self.split(split, at_most)
        return self.predictions(self.source, self.reference_call, samples, f"reference: predict {split}")

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
        source = self.read_model(file, "own", f"read {file.name}")
        model = self.convert(source, kind, target)
        facts = self.add(inspection(source, kind, self.shapes, self.dims), f"inspect {file.name}")
        return self.add(AdmitSource(model=model, proofs=self.proof, same=(self.facts, facts)), f"admit {file.name}")

    def convert(self, model: Artifact, source: str, target: str) -> Artifact:
        """Add the steps of the shortest route.

        Raises:
            Refused: there is none on this machine.
        """
        if source == target:
            return model
        route = shortest(source, target)
        self.routes[f"{source} → {target}"] = route
        for hop in route:
            model = self.add(hop.make(model=model, shapes=self.shapes, dims=self.dims), hop.words)
        return model

    def decline(self, refused: Refused) -> Artifact:
        """A refusal as a node."""
        refusal = Refusal(kind=refused.kind, by=refused.by, why=refused.why, fix=refused.fix)
        return self.add(Decline(refusal=refusal), f"what {refused.by} declines")


def weights_of(model: Path) -> tuple[str, ...]:
    """Files beside an ONNX model that hold its weights."""
    return external_files(model) if model.suffix.lower() == ".onnx" and model.is_file() else ()
