"""Everything that is true of one target: what `deliver` and the lock see, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from edgebuild.core.evidence import Measurement, Verdict
from edgebuild.core.records import Record
from edgebuild.core.searches import NetworkSearch, Search
from edgebuild.core.wires import Refusal

SOURCE = "source"
"""Name of the candidate that is the model as it came."""

SELECT, REPORT = "select", "report"
"""Splits: choosing happens on the first, the second judges."""


class Tensor(Record):
    """One input or output of a model."""

    name: str
    shape: tuple[int | str, ...]
    """Sizes; a name where the axis is dynamic."""
    dtype: str
    """numpy's name: `float32`, `int64`, …"""


class State(Record):
    """An input that is fed an output of the step before."""

    input: Tensor
    output: str
    initial: float = 0.0
    """Every element before the first step."""
    kept: bool = False
    """By the runtime itself, in a package whose model has neither this input nor this output."""


class Sequence(Record):
    """How a product runs a model that sees one step of a sequence at a time."""

    steps: tuple[str, ...]
    """Inputs that come in step by step; all others are the same in every step."""
    states: tuple[State, ...] = ()
    period_ms: float | None = None
    """Time from one step to the next."""


class Loop(Record):
    """The same as a runner is told it: a sample is a sequence, and one run of the model sees one step of it."""

    steps: tuple[str, ...]
    states: dict[str, str] = {}
    """Input to the output that it is fed from."""
    initial: dict[str, float] = {}
    """By input: every element before the first step; 0 where left out."""
    shapes: dict[str, tuple[int | str, ...]] = {}
    """By input, where the spec names axes; any other axis without a size is 1."""


class Call(Record):
    """How to load and run a model, as data."""

    session: str
    """Module with `open(path, options) -> Session`, e.g. `edgebuild.runtimes.onnxruntime.session`."""
    options: dict[str, Any] = {}
    runtime: str = ""
    """Name for people: `onnxruntime`."""
    loop: Loop | None = None
    """Of a model that is run over a sample step by step."""


class Account(Record):
    """What became of the operations of one artifact in its runtime."""

    ops: dict[str, int] = {}
    """Operators in the graph the runtime executes, after its own optimisation."""
    integer_ops: int = 0
    """Heavy operators (convolution, matrix product) that run on integer kernels."""
    float_ops: int = 0
    """Heavy operators that run in floating point."""
    conversions: int = 0
    """Quantize and dequantize operators left between them."""
    placement: dict[str, int] = {}
    """Executed operators per execution provider or delegate."""
    slowest: tuple[tuple[str, float], ...] = ()
    """Operator and its time in microseconds, the slowest first."""
    times: dict[str, float] = {}
    """Microseconds of one run under the runtime's profiler, of heavy operators (`integer`, `float`), `conversions` and
    `other`; empty where it tells none."""
    memory_bound: dict[str, int] = {}
    """Heavy operators, by type, with so few multiplications for each value they read or write that memory bounds them,
    whatever they compute in."""
    words: str = ""
    """One sentence that explains it: `INT8 gained nothing because …`."""


class CandidateFile(Record):
    """One candidate on one target: its recipe, what became of it, and every number about it."""

    name: str
    recipe: str
    """What it is, in words: `static INT8 QDQ: U8 activations, S8 weights per channel, 300 calibration samples`."""
    required: bool = False
    refusal: Refusal | None = None
    digest: str = ""
    """Of the artifact's bytes."""
    filename: str = ""
    measurements: tuple[Measurement, ...] = ()
    """On both splits; `split` tells them apart."""
    ratio: dict[str, tuple[float, float, float]] = {}
    """Latency quantity to median, low and high of its ratio to the source within one run."""
    verdicts: tuple[Verdict, ...] = ()
    """On `select`: what choosing saw."""
    account: Account | None = None
    barred: str = ""
    """Why a candidate that meets its budgets was not eligible (slower than the source)."""

    def measured(self, quantity: str, split: str = "") -> Measurement | None:
        """The number of that name, on that split where it is about samples."""
        for item in self.measurements:
            if item.quantity == quantity and item.split in ("", split or item.split):
                return item
        return None


def source_of(candidates: Iterable[CandidateFile]) -> CandidateFile | None:
    """The untouched model, which every spec has; None where it was not made."""
    return next((item for item in candidates if item.name == SOURCE and item.refusal is None), None)


class Dossier(Record):
    """One target: its candidates, the choice, the verdicts and how they came about."""

    name: str
    """Of the spec."""
    release: str
    target: str
    device: str
    runtime: str
    versions: dict[str, str] = {}
    """Distributions that made and ran the artifacts."""
    facts: dict[str, Any] = {}
    """What the measuring device is (see `devices/facts.py`)."""
    source: str
    """The model as the spec names it."""
    source_digest: str
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()
    sequence: Sequence | None = None
    """Of a model that sees one step at a time; `inputs` and `outputs` are without its states."""
    labels: tuple[str, ...] = ()
    interface: dict[str, Any] = {}
    """`interface:` of the spec, as plain data."""
    call: Call
    splits: dict[str, int] = {}
    """Name to number of samples."""
    data_digest: str = ""
    seed: int = 0
    candidates: tuple[CandidateFile, ...]
    choice: str | None
    """Name of the candidate that ships; None where none can be made."""
    nearest: str | None = None
    """Where the verdicts are not met: the candidate that comes nearest."""
    verdicts: tuple[Verdict, ...] = ()
    """Of the choice (or of the nearest miss), on `report`."""
    front: tuple[str, ...] = ()
    """Candidates on the Pareto front of accuracy, latency and size."""
    decisions: tuple[str, ...] = ()
    """Each a sentence: what was chosen over what, and why."""
    notes: tuple[str, ...] = ()
    """Each a sentence: terms skipped, contended runs, too few samples."""
    searches: tuple[Search, ...] = ()
    """What was tried for candidates that a search over precisions ended with."""
    architectures: tuple[NetworkSearch, ...] = ()
    """The same of searches over architectures."""
    protocol: dict[str, Any] = {}
    """How latency and memory were taken: rounds, processes, threads, warm-up."""

    @property
    def passed(self) -> bool:
        """Whether every verdict of the choice is a pass."""
        return self.choice is not None and all(verdict.status == "pass" for verdict in self.verdicts)

    @property
    def judged(self) -> str | None:
        """Name of the candidate that the verdicts are about: what ships, else the nearest miss."""
        return self.choice or self.nearest

    def candidate(self, name: str) -> CandidateFile:
        """Raises: KeyError: there is none of that name."""
        for item in self.candidates:
            if item.name == name:
                return item
        raise KeyError(name)
