"""The model of one spec, as every target finds it: read once, inspected, in whatever format is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from edgebuild.core.dossier import Call, Loop
from edgebuild.core.graph import Graph
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact, Refusal, UserCode
from edgebuild.data.sources import ReadSource, digest_path
from edgebuild.errors import Problem, Refused, SpecError
from edgebuild.models import torch_files
from edgebuild.models.convert.read_torch import ReadTorch
from edgebuild.models.inspect.constants import Constants, DropConstants
from edgebuild.models.inspect.external import external_files
from edgebuild.models.inspect.facts import bound
from edgebuild.models.inspect.states import DropStates
from edgebuild.models.inspect.step import inspection
from edgebuild.models.routes import Route, shortest
from edgebuild.models.tool import pinned_tool
from edgebuild.plan.decline import Decline
from edgebuild.spec import Spec


@dataclass
class SharedModel:
    """Adds the steps that read, inspect and convert the models of a spec."""

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
        return self.opened(
            self.read_model(Path(self.spec.model.path), "model", "read the model"), self.spec.model.format
        )

    def opened(self, model: Artifact, form: str) -> Artifact:
        """A torch file once it is checked, described or built; any other as it is."""
        if form not in torch_files.FORMATS:
            return model
        builder = self.builder if form == "torch-weights" else None
        return self.add(ReadTorch(model=model, format=form, dims=self.dims, builder=builder), "open the torch model")

    @cached_property
    def builder(self) -> UserCode:
        """The user's function that makes the module whose weights the source holds."""
        from edgebuild.data.usercode import resolve

        return resolve(Path(self.spec.folder), self.spec.model.builder or "", where="model.builder")

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
    def format(self) -> str:
        """Format of the source, as it is opened."""
        return built_as(self.spec.model.format)

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
    def loop(self) -> Loop | None:
        """How the model is run over samples that are sequences; None where a sample is one run."""
        inputs = self.spec.model.inputs
        states = {name: entry for name, entry in inputs.items() if entry.state is not None}
        steps = tuple(name for name, entry in inputs.items() if entry.steps is not None)
        if not steps:
            return None
        return Loop(
            steps=steps,
            states={name: entry.state or "" for name, entry in states.items()},
            initial={name: float(entry.initial) for name, entry in states.items() if entry.initial != "zeros"},
            shapes={name: bound(self.dims[name], self.shapes) for name in states if name in self.dims},
        )

    @property
    def period_ms(self) -> float | None:
        """From one step to the next in the product."""
        return next((entry.period for entry in self.spec.model.inputs.values() if entry.period), None)

    def looped(self, call: Call) -> Call:
        """A call that runs the model step by step where samples are sequences."""
        return call.model_copy(update={"loop": self.loop}) if self.loop else call

    @cached_property
    def facts(self) -> Artifact:
        """`model.json`, of the inputs that samples feed and the outputs that are judged."""
        if self.loop is None:
            return self.taken
        return self.add(DropStates(model=self.taken, loop=self.loop), "hold the states against the model")

    @cached_property
    def taken(self) -> Artifact:
        """`model.json`, of the inputs that artifacts have."""
        return self.interface(self.whole, "hold the constant inputs against the model", complete=True)

    @cached_property
    def whole(self) -> Artifact:
        """`model.json` with the inputs that are constant."""
        return self.add(inspection(self.source, self.format, self.shapes, self.dims), "inspect the model")

    @cached_property
    def constants(self) -> Constants:
        """Values that the spec gives to inputs."""
        given = {name: entry.constant for name, entry in self.spec.model.inputs.items()}
        return {name: value for name, value in given.items() if value is not None}

    def interface(self, facts: Artifact, label: str, complete: bool) -> Artifact:
        """`model.json` without the constant inputs; `complete`: the model must have all of them."""
        if not self.constants:
            return facts
        return self.add(DropConstants(model=facts, constants=self.constants, complete=complete), label)

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
            tool = self.add(pinned_tool(hop.tool), f"make the tool {hop.tool}") if hop.tool else None
            model = self.add(hop.make(model, self.shapes, self.dims, tool, self.constants), hop.words)
        return model

    def decline(self, refused: Refused) -> Artifact:
        """A refusal as a node."""
        refusal = Refusal(kind=refused.kind, by=refused.by, why=refused.why, fix=refused.fix)
        return self.add(Decline(refusal=refusal), f"what {refused.by} declines")


def built_as(form: str) -> str:
    """What a format becomes when it is opened: weights become a program."""
    return "pt2" if form == "torch-weights" else form


def weights_of(model: Path) -> tuple[str, ...]:
    """Files beside an ONNX model that hold its weights."""
    return external_files(model) if model.suffix.lower() == ".onnx" and model.is_file() else ()
