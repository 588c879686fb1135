"""Formats, and the conversions between them: a route is a shortest path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

from edgebuild.core.records import Record
from edgebuild.core.step import Step
from edgebuild.core.versions import version_of
from edgebuild.core.wires import Artifact
from edgebuild.errors import Refused
from edgebuild.models import torch_files

FORMATS: dict[str, str] = {
    "keras": "Keras `.keras`",
    "h5": "Keras `.h5`",
    "savedmodel": "SavedModel",
    "onnx-file": "ONNX as the user wrote it",
    "onnx-checked": "ONNX after its checks",
    "onnx": "ONNX",
    "tflite": "TFLite",
    "pt2": "torch exported program `.pt2`",
    "torchscript": "TorchScript",
    "torch-weights": "torch weights with a builder",
}
"""Name to words for people."""

FOLDS = frozenset({"onnx-file", "keras", "h5", "savedmodel"})
"""Formats whose conversions fold constant inputs away."""

SUFFIXES: dict[str, str] = {".keras": "keras", ".h5": "h5", ".hdf5": "h5", ".onnx": "onnx-file", ".tflite": "tflite"}


class Route(Record):
    """One conversion."""

    source: str
    target: str
    step: str
    """`module:Class` of a `Conversion`."""
    distributions: tuple[str, ...]
    """Without which it cannot run."""
    extra: str
    """That installs them."""
    words: str
    by: str = ""
    """The converter, by its name among people."""
    tool: str = ""
    """The lock of `specs/tools/` that pins what runs it, where that needs a folder of its own."""

    def make(
        self,
        model: Artifact,
        shapes: Mapping[str, int],
        dims: Mapping[str, tuple[str | int, ...]],
        tool: Artifact | None = None,
        constants: Mapping[str, Any] | None = None,
    ) -> Step:
        """The step that does it; `tool`: the folder that the lock is made into; `constants`: inputs to fold away."""
        module, _, name = self.step.partition(":")
        given: dict[str, Any] = {"tool": tool} if tool else {}
        if constants and self.source in FOLDS and self.target != "keras":
            given["constants"] = dict(constants)
        step: Step = getattr(import_module(module), name)(
            model=model, format=self.source, shapes=dict(shapes), dims=dict(dims), **given
        )
        return step

    def missing(self) -> list[str]:
        """Distributions that are not installed."""
        return [name for name in self.distributions if version_of(name) is None]


class Lane(Record):
    """A whole way from one format to another, for a step that converts many models itself."""

    hops: tuple[Route, ...]
    shapes: dict[str, int] = {}
    dims: dict[str, tuple[str | int, ...]] = {}
    constants: dict[str, Any] = {}

    def steps(self, model: Artifact) -> Iterator[Step]:
        """The conversions of a model in order."""
        for hop in self.hops:
            step = hop.make(model, self.shapes, self.dims, constants=self.constants)
            yield step
            model = step.out()


CONVERT = "edgebuild.models.convert"
KERAS = ("tensorflow", "keras")

ROUTES: tuple[Route, ...] = (
    Route(
        source="h5",
        target="keras",
        step=f"{CONVERT}.h5_to_keras:H5ToKeras",
        distributions=KERAS,
        extra="keras",
        words="save as `.keras`",
        by="Keras",
    ),
    *(
        Route(
            source=form,
            target="onnx-checked",
            step=f"{CONVERT}.tensorflow_to_onnx:TensorflowToOnnx",
            distributions=(*KERAS, "tf2onnx", "onnx"),
            extra="keras,onnxruntime",
            words="convert to ONNX",
            by="tf2onnx",
        )
        for form in ("keras", "h5", "savedmodel")
    ),
    *(
        Route(
            source=form,
            target="tflite",
            step=f"{CONVERT}.tensorflow_to_tflite:TensorflowToTflite",
            distributions=KERAS,
            extra="keras",
            words="convert to TFLite",
            by="TensorFlow",
        )
        for form in ("keras", "h5", "savedmodel")
    ),
    Route(
        source="tflite",
        target="onnx-checked",
        step=f"{CONVERT}.tflite_to_onnx:TfliteToOnnx",
        distributions=("tf2onnx", "tensorflow", "ai-edge-litert", "onnx"),
        extra="keras,litert,onnxruntime",
        words="convert to ONNX",
        by="tf2onnx",
    ),
    *(
        Route(
            source=form,
            target="onnx-checked",
            step=f"{CONVERT}.torch_to_onnx:TorchToOnnx",
            distributions=("torch", "onnxscript", "onnx"),
            extra="torch",
            words="convert to ONNX",
            by="torch",
        )
        for form in ("pt2", "torchscript")
    ),
    Route(
        source="onnx-file",
        target="onnx-checked",
        step=f"{CONVERT}.import_onnx:ImportOnnx",
        distributions=("onnx",),
        extra="onnxruntime",
        words="check the ONNX model",
    ),
    Route(
        source="onnx-checked",
        target="onnx",
        step="edgebuild.models.tidy.simplify:SimplifyOnnx",
        distributions=("onnxsim", "onnx", "onnxruntime"),
        extra="onnxruntime",
        words="simplify the ONNX model",
        by="onnxsim",
    ),
    Route(
        source="onnx",
        target="tflite",
        step=f"{CONVERT}.onnx_to_tflite:OnnxToTflite",
        distributions=("onnx", "onnxruntime", "ai-edge-litert"),
        extra="onnxruntime,litert",
        words="convert to TFLite",
        by="onnx2tf",
        tool="onnx2tf",
    ),
)


def model_format(path: Path) -> str:
    """The format of a file or folder, by its suffix or content.

    Raises:
        ValueError: no format of ours; the text says which there are.
    """
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "savedmodel"
        raise ValueError("is a folder without `saved_model.pb`, so no SavedModel")
    if path.suffix.lower() in torch_files.SUFFIXES:
        return torch_files.torch_format(path)
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        known = ", ".join(f"`{suffix}`" for suffix in (*SUFFIXES, *torch_files.SUFFIXES))
        raise ValueError(f"has the suffix `{path.suffix}`; models end in {known} or are SavedModel folders")
    return found


@cache
def shortest(source: str, target: str) -> tuple[Route, ...]:
    """The fewest conversions that lead from a format to another on this machine; none where they are the same.

    Raises:
        Refused: kind "not applicable": no route leads there, or packages are missing, with the line that adds them.
    """
    import networkx as nx

    every: Any = nx.DiGraph()
    usable: Any = nx.DiGraph()
    for graph in (every, usable):
        graph.add_nodes_from(FORMATS)
    for route in ROUTES:
        every.add_edge(route.source, route.target, route=route)
        if not route.missing():
            usable.add_edge(route.source, route.target, route=route)
    if nx.has_path(usable, source, target):
        return along(usable, source, target)
    way = f"from {FORMATS[source]} to {FORMATS[target]}"
    if not nx.has_path(every, source, target):
        raise Refused(
            by="conversion",
            why=f"no route leads {way}.",
            fix=f"Bring the model as {starts(every, target)}.",
            kind="not applicable",
        )
    needed = along(every, source, target)
    absent = sorted({name for route in needed for name in route.missing()})
    extras = ",".join(sorted({extra for route in needed if route.missing() for extra in route.extra.split(",")}))
    raise Refused(
        by="conversion",
        why=f"the route {way} needs {', '.join(absent)}, not installed here.",
        fix=f'pip install "edgebuild[{extras}]"',
        kind="not applicable",
    )


def along(graph: Any, source: str, target: str) -> tuple[Route, ...]:
    """The routes of a shortest path."""
    import networkx as nx

    path = nx.shortest_path(graph, source, target)
    return tuple(graph.edges[hop]["route"] for hop in pairwise(path))


def starts(graph: Any, target: str) -> str:
    """Formats from which a route leads to the target, for people."""
    import networkx as nx

    found = [name for name in (*FORMATS,) if name in nx.ancestors(graph, target) | {target}]
    return ", ".join(FORMATS[name] for name in found if name not in ("onnx-checked", "onnx"))
