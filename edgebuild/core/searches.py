"""What searches tried, as a dossier keeps it, and the files of the folder that a search writes."""

from __future__ import annotations

from typing import Literal

from edgebuild.core.records import Record

FRONT_FILE = "front.json"
"""The members of a front."""
TRIALS_FILE = "trials.json"
"""Everything that a search over precisions or architectures tried."""


class SearchedLayer(Record):
    """A layer that a search could compute in integers or not, in the order of execution."""

    name: str
    """"" where the model has none for it."""
    op: str
    part: float
    """Of the multiplications of all layers, 0 to 1."""
    sqnr: float | None
    """In dB, of the whole model with this layer alone in the search's first scheme; None where that cannot be."""


class Trial(Record):
    """What came of one mixture of precisions."""

    gain: float
    """Time of the source over its own; 32 over its effective bits where the search ranked by bits."""
    sqnr: float
    """In dB, against the model in floating point."""


class Finalist(Trial):
    """A mixture that is told of by itself."""

    candidate: str = ""
    """That it became."""
    scheme: str
    """How the layers that it lowers are computed or stored: `int8`, `dynamic int8`, `4-bit storage`, …"""
    others: str
    """How all other layers are: `floating point`, or more bits."""
    ranges: str = ""
    """Calibration of its activations."""
    repairs: tuple[str, ...] = ()
    """What was done besides so that it loses less."""
    lowered: tuple[int, ...]
    """Positions of the layers in its scheme."""


class Search(Record):
    """What one search over precisions tried, on samples of `select`."""

    name: str
    """Of the first candidate that came of it."""
    scheme: str
    """In which each layer was tried alone."""
    ranked_by: Literal["time", "bits"]
    """Measured on the target, or estimated where that was not at hand."""
    counted: str = "multiplications"
    """What a layer's part is a part of."""
    layers: tuple[SearchedLayer, ...]
    trials: tuple[Trial, ...]
    """All of them but for `untold`, finalists among them."""
    untold: int = 0
    """Trials that nothing is kept of: there were too many."""
    contended: int = 0
    """Of all trials, those that others took the processor from meanwhile."""
    cut: bool = False
    """Whether its time or its number of trials was used up before all that it wanted was tried."""
    refused: int = 0
    """Mixtures that could not be made or run."""
    refused_words: str = ""
    """Why the first of them could not."""
    finalists: tuple[Finalist, ...]
    """Those that became candidates, in order of their slots."""
    start: str = "the source"
    """What the trials were held against: the source, or what the stages before made of it."""
    retimed: bool = True
    """Whether the finalists were timed again beside each other."""
    whole: tuple[Finalist, ...] = ()
    """All layers in one scheme, where that was tried: what finalists are compared with."""


class NetworkTrial(Record):
    """What came of one network of a space."""

    words: str
    """`width 0.5, depth 3`."""
    gain: float
    """Time of the spec's model over its own; multiplications, or weights, where no time was taken."""
    score: float
    """On held-out samples of `train`, after its last epoch."""
    epochs: int
    stopped: bool
    """Left before its last epoch: others were ahead in both."""
    candidate: str = ""
    """That it became."""


class NetworkSearch(Record):
    """What one search over architectures tried."""

    name: str
    """Of the first candidate that came of it."""
    space: str
    networks: int
    """How many the space holds."""
    ranked_by: Literal["time", "multiplications", "weights"]
    """Measured on the target, or counted where that was not at hand."""
    spread: float | None = None
    """Factor within which a quotient of multiplications is one of time, in 90 % of cases; None where times were taken
    or nothing is known."""
    metric: str
    unit: str
    better: Literal["higher", "lower"]
    rungs: tuple[int, ...]
    """Epochs after which a trial may be left; the last is where it ends."""
    trials: tuple[NetworkTrial, ...]
    """In the order of trying."""
    contended: int = 0
    """Trials that others took the processor from while they were timed."""
    cut: bool = False
    """Whether its time was used up before its trials were."""
    refused: int = 0
    """Networks that could not be made, trained or run."""
    refused_words: str = ""
    """Why the first of them could not."""
