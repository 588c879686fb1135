"""Steps in the order they were added, which is topological."""

from __future__ import annotations

from typing import Protocol

from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact, wires


class Graph:
    """Steps by identity. A step can only be added after the steps whose outputs it reads."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.labels: dict[str, list[str]] = {}
        """Names of a step for people (`digits: here: int8: quantize`), one for each place that wants it; in no key."""
        self.wanted: dict[str, Artifact] = {}
        """Outputs somebody asked for by name; their ancestors are what a build does."""

    def add(self, step: Step, label: str = "") -> Artifact:
        """Add a step, or find the equal one, and return the wire to its output.

        Raises:
            KeyError: the step reads the output of a step that is not in the graph.
        """
        if step.id not in self.steps:
            for wire in wires(step):
                if wire.id not in self.steps:
                    raise KeyError(f"{step.kind()} reads {wire.filename} of a step that was never added")
            self.steps[step.id] = step
        names = self.labels.setdefault(step.id, [])
        if label and label not in names:
            names.append(label)
        return step.out()

    def want(self, name: str, artifact: Artifact) -> None:
        """Ask for an output by name."""
        self.wanted[name] = artifact

    def needs(self, step_id: str) -> list[str]:
        """Identities of the steps it reads, each once, in the order of its fields."""
        return list(dict.fromkeys(wire.id for wire in wires(self.steps[step_id])))

    def label(self, step_id: str) -> str:
        """The first name of a step, or its class."""
        names = self.labels.get(step_id)
        return names[0] if names else type(self.steps[step_id]).__name__


class Lowering(Protocol):
    """What a stage or a target may do while it turns a recipe into steps."""

    def add(self, step: Step, label: str = "") -> Artifact:
        """Add a step; returns the wire to its output."""

    def convert(self, model: Artifact, source: str, target: str) -> Artifact:
        """The same model in another format, by the shortest route.

        Raises:
            Refused: no route leads there on this machine.
        """

    def calibration(self) -> Artifact:
        """The checked calibration split, a folder (see `data/samples.py`).

        Raises:
            Refused: the spec has no data to calibrate with.
        """
