"""Runtimes: a model → what a runtime loads. A row of the table, or an entry point of the group `edgebuild.targets`.

Sessions travel with this file: nothing is imported here before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebuild.core.dossier import Call
    from edgebuild.runtimes.base import Target

    REFERENCE_SESSIONS: dict[str, Call]
    """Format of a source to how it is run as the user gave it."""

TARGETS: dict[str, str] = {
    "onnxruntime": "edgebuild.runtimes.onnxruntime.target:OnnxRuntimeTarget",
    "litert": "edgebuild.runtimes.litert.target:LiteRTTarget",
    "coreml": "edgebuild.runtimes.coreml.target:CoremlTarget",
    "tensorrt": "edgebuild.runtimes.tensorrt.target:TensorrtTarget",
    "tflite-micro": "edgebuild.runtimes.tflite_micro.target:TFLiteMicroTarget",
}
"""Name in the spec to class."""

GROUP = "edgebuild.targets"

SESSIONS: dict[str, tuple[str, str]] = {
    "keras": ("reference", "keras"),
    "h5": ("reference", "keras"),
    "savedmodel": ("reference", "tensorflow"),
    "pt2": ("pytorch", "torch"),
    "torchscript": ("pytorch", "torch"),
    "onnx-file": ("onnxruntime", "onnxruntime"),
    "onnx": ("onnxruntime", "onnxruntime"),
    "tflite": ("litert", "litert"),
}
"""Format to the folder whose session runs it, and the name for people."""

RUNS_ON: dict[str, tuple[str, ...]] = {
    "keras": ("tensorflow", "keras", "numpy"),
    "tensorflow": ("tensorflow", "numpy"),
    "torch": ("torch", "numpy"),
    "onnxruntime": ("onnxruntime", "numpy"),
    "litert": ("ai-edge-litert", "numpy"),
}
"""That name to the distributions that decide what the session says; of a target, `Target.runs_on`."""


def target_names() -> list[str]:
    """Every known runtime, third-party ones last."""
    return [*TARGETS, *(name for name in _foreign() if name not in TARGETS)]


def load_target(name: str) -> type[Target]:
    """The class of a runtime's targets.

    Raises:
        KeyError: there is none of that name; the text says which is near, or that it is not there yet.
    """
    from importlib import import_module

    from edgebuild.errors import did_you_mean

    place = TARGETS.get(name) or _foreign().get(name)
    if place is None:
        known = target_names()
        near = did_you_mean(name, known) or "."
        raise KeyError(f"unknown runtime `{name}`{near} Known runtimes: {', '.join(known)}.")
    module, _, attribute = place.partition(":")
    found: type[Target] = getattr(import_module(module), attribute)
    return found


def reference_call(format: str) -> Call:  # noqa: A002 - the word of the whole house
    """How to run a source as the user gave it.

    Raises:
        KeyError: no session runs that format.
    """
    from edgebuild.core.dossier import Call

    folder, runtime = SESSIONS[format]
    return Call(session=f"edgebuild.runtimes.{folder}.session", runtime=runtime)


def _foreign() -> dict[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=GROUP)}


def __getattr__(name: str) -> Any:
    if name == "REFERENCE_SESSIONS":
        return {row: reference_call(row) for row in SESSIONS}
    raise AttributeError(name)
