"""Steps in the order they were added, which is topological."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from edgebuild.core.node import Node
from edgebuild.core.records import Record
from edgebuild.core.step import Step
from edgebuild.core.wires import Artifact, UserCode


class Steps(Mapping[str, Step]):
    """The steps themselves by identity; those of a remembered plan are loaded when somebody asks."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes

    def __getitem__(self, step_id: str) -> Step:
        return self._nodes[step_id].step

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)


class Graph:
    """Steps by identity. A step can only be added after the steps whose outputs it reads."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.steps = Steps(self.nodes)
        self.labels: dict[str, list[str]] = {}
        """Names of a step for people (`digits: here: int8: quantize`), one for each place that wants it; in no key."""
        self.wanted: dict[str, Artifact] = {}
        """Outputs somebody asked for by name; their ancestors are what a build does."""

    def add(self, step: Step, label: str = "") -> Artifact:
        """Add a step, or merge it with the equal one, and return the wire to its output.

        Raises:
            KeyError: the step reads the output of a step that is not in the graph.
        """
        known = self.nodes.get(step.id)
        if known is None or known.step != step:
            self.join(Node.of(step))
        self.name(step.id, label)
        return step.out()

    def join(self, node: Node) -> None:
        """Add what is known of a step, or merge it with the equal one that is there.

        Raises:
            KeyError: it reads the output of a step that is not in the graph.
        """
        if node.id in self.nodes:
            self.nodes[node.id].absorb(node)
            return
        for wire in node.wires:
            if wire.id not in self.nodes:
                raise KeyError(f"{node.kind} reads {wire.filename} of a step that was never added")
        self.nodes[node.id] = node

    def name(self, step_id: str, label: str) -> None:
        """One more name of a step, for people."""
        names = self.labels.setdefault(step_id, [])
        if label and label not in names:
            names.append(label)

    def want(self, name: str, artifact: Artifact) -> None:
        """Ask for an output by name."""
        self.wanted[name] = artifact

    def needs(self, step_id: str) -> list[str]:
        """Identities of the steps it reads, each once, in the order of its fields."""
        return self.nodes[step_id].needs

    def label(self, step_id: str) -> str:
        """The first name of a step, or its class."""
        names = self.labels.get(step_id)
        return names[0] if names else self.nodes[step_id].kind.rpartition(":")[2].rpartition(".")[2]


class Clock(Record):
    """How a search takes times on its target."""

    facts: Artifact
    """Of the device."""
    samples: Artifact
    """What is run while the clock runs."""
    threads: int = 1


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

    def has(self, name: str) -> bool:
        """Whether the spec has a split of that name."""

    def split(self, name: str) -> Artifact:
        """A checked split, by its name.

        Raises:
            Refused: the spec has none of that name.
        """

    def runs(self, name: str) -> Artifact:
        """A checked split as single runs of the model: its samples, or steps of them where they are sequences.

        Raises:
            Refused: the spec has none of that name.
        """

    @property
    def clock(self) -> Clock | None:
        """How to take times on the target; None where it is not at hand."""

    def code(self, reference: str) -> UserCode:
        """A function of the user's by `file.py:function`, with everything it consists of.

        Raises:
            SpecError: there is no such function.
        """

    @property
    def training(self) -> Any:
        """What trainings need of the spec (see `compress/train/ground.py`)."""

    @property
    def surroundings(self) -> Mapping[str, Any]:
        """What the product has around the model.

        `interface:` of the spec as plain data; `labels`, the class names;
        `shapes`, its named sizes of open axes; `states`, input to the output that it is fed from between steps;
        `initial`, what every element of a state is at first, where that is not 0.
        """
