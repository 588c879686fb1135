"""What a stage that trains must know of the spec besides its own words; the plan has it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from edgebuild.compress.train.scores import Judge
from edgebuild.core.wires import Artifact
from edgebuild.models.routes import Lane


class Teacher(NamedTuple):
    """A frozen teacher."""

    predictions: Artifact
    """Its raw outputs on the samples of the training."""
    model: Artifact | None
    """Itself where it is a Keras model, whose layers can be looked into."""
    words: str
    """`the source`, `big.onnx`."""


class Ground(Protocol):
    """The samples, the metric and the models that a training works with."""

    def samples(self) -> Artifact:
        """The checked `train` split with all inputs of the model.

        Raises:
            Refused: the spec has none.
        """

    def validation(self) -> Artifact:
        """The same of `select`."""

    def judge(self) -> Judge | None:
        """How several seeds' models are told apart; None where the spec has no metric."""

    def halves(self, seed: int) -> Artifact:
        """The `train` split in two (see `search/architecture/holdout.py`).

        Raises:
            Refused: the spec has none.
        """

    def examiner(self, halves: Artifact) -> Judge:
        """How trials of a search are scored on what is held out: by the first metric that asks for labels.

        Raises:
            Refused: the spec has no metric.
        """

    def facts(self) -> Artifact:
        """`model.json` of the spec's model, without constant inputs."""

    def lane(self, target: str) -> Lane:
        """From Keras to another format.

        Raises:
            Refused: no route leads there on this machine.
        """

    def teacher(self, name: str) -> Teacher:
        """A teacher: `source` is the untouched one, else a model file as the spec calls it.

        Raises:
            Refused: nothing runs such a model.
        """

    def student(self, model: Artifact) -> Artifact:
        """A Keras model of the user's own, held to the interface of the spec's."""
